package sdk

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/rs2d"
)

// errQuery is returned for a query that cannot be read, of which Walrus says nothing that
// programs could.
var errQuery = errors.New("sdk: malformed query")

// cell is where a primary and a secondary sliver cross. Its text is their indices, as "3-12".
type cell struct{ row, column int }

func (c cell) compare(d cell) int {
	if c.row != d.row {
		return c.row - d.row
	}
	return c.column - d.column
}

func parseCell(text string) (c cell, err error) {
	row, column, ok := strings.Cut(text, "-")
	if c.row, err = parseIndex(row); err == nil && ok {
		c.column, err = parseIndex(column)
	}
	if err != nil || !ok {
		return c, fmt.Errorf("%w: %.80q is no symbol, as 3-12 is", errQuery, text)
	}
	return c, nil
}

// parseIndex reads an index, which may be of no sliver.
func parseIndex(text string) (int, error) {
	v, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%w: %.80q is no index", errQuery, text)
	}
	return int(v), nil
}

// symbolQuery asks for symbols with their proofs: those of cells, or those that the node has of
// one sliver.
type symbolQuery struct {
	cells   []cell // sorted, and each once
	target  *rs2d.SliverRef
	sources []rs2d.Axis // of slivers that symbols may be proven in, those asked first
}

// parseSymbolQuery reads a query. The error wraps errQuery, or is what Walrus answers.
func parseSymbolQuery(q url.Values) (s symbolQuery, err error) {
	s.sources = []rs2d.Axis{rs2d.Primary, rs2d.Secondary}
	if text := q.Get("proofAxis"); text != "" {
		axis, err := api.ParseAxis(text)
		if err != nil {
			return s, fmt.Errorf("%w: proofAxis: %w", errQuery, err)
		}
		s.sources = []rs2d.Axis{axis}
	}
	for _, text := range q["id"] {
		c, err := parseCell(text)
		if err != nil {
			return s, err
		}
		s.cells = append(s.cells, c)
	}
	slices.SortFunc(s.cells, cell.compare)
	s.cells = slices.Compact(s.cells)
	switch sliver, kind := q.Has("targetSliver"), q.Has("targetType"); {
	case len(s.cells) > 0 && (sliver || kind):
		return s, invalid("INVALID_FILTER", "the query names symbols and a sliver: it takes one of them")
	case len(s.cells) > 0:
		return s, nil
	case !sliver && !kind:
		return s, unmet("NO_SYMBOLS_SPECIFIED", "the query names neither symbols, id=3-12, nor a sliver, targetSliver=3&targetType=primary")
	}
	s.target = new(rs2d.SliverRef)
	if s.target.Axis, err = api.ParseAxis(q.Get("targetType")); err != nil {
		return s, fmt.Errorf("%w: targetType: %w", errQuery, err)
	}
	s.target.Index, err = parseIndex(q.Get("targetSliver"))
	return s, err
}

// parseTargets reads which slivers decoding symbols are asked of, all of one axis: they are
// sorted, and each is there once. The error wraps errQuery, or is what Walrus answers.
func parseTargets(q url.Values) (axis rs2d.Axis, targets []int, err error) {
	if axis, err = api.ParseAxis(q.Get("targetType")); err != nil {
		return axis, nil, fmt.Errorf("%w: targetType: %w", errQuery, err)
	}
	for _, text := range q["targetSlivers"] {
		target, err := parseIndex(text)
		if err != nil {
			return axis, nil, err
		}
		targets = append(targets, target)
	}
	if len(targets) == 0 {
		return axis, nil, unmet("NO_TARGET_SLIVERS_SPECIFIED", "the query names no sliver, as targetSlivers=3")
	}
	slices.Sort(targets)
	return axis, slices.Compact(targets), nil
}
