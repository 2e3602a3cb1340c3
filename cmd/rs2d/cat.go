package main

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"

	"github.com/redstuff-go/redstuff/cmd/internal/restore"
)

type catCmd struct {
	Range string `placeholder:"A-B" help:"Bytes A to B, counted from 0, B included; A- is all from A on, and --range=-N the last N bytes."`
	Dir   string `arg:"" help:"Directory of slivers."`
}

func (c *catCmd) Help() string {
	return `Reads only the slivers that hold the range, and verifies each of them. One that is missing or corrupt is rebuilt. Without --range it prints the whole file. A range that ends beyond the file is cut, as in HTTP; one that begins there is an error.

Example: rs2d cat --range 1000-1999 photo.rs2d`
}

// Run prints bytes of an encoded file.
func (c *catCmd) Run(a *app) error {
	store, err := restore.Open(c.Dir, a.progress)
	if err != nil {
		return err
	}
	defer store.Close()
	length := store.Meta().Length
	offset, count := uint64(0), length
	if c.Range != "" {
		if offset, count, err = parseRange(c.Range, length); err != nil {
			return err
		}
	}
	if count == 0 {
		return nil
	}
	w := bufio.NewWriter(a.stdout)
	if err := store.CopyRange(a.ctx, w, offset, count); err != nil {
		return fmt.Errorf("%s: %w", c.Dir, err)
	}
	return w.Flush()
}

// parseRange reads a range as in an HTTP Range header, of a blob of length bytes.
func parseRange(s string, length uint64) (offset, count uint64, err error) {
	first, last, ok := strings.Cut(s, "-")
	if !ok || first == "" && last == "" {
		return 0, 0, fmt.Errorf("--range %s: must be A-B, A- or -N", s)
	}
	number := func(digits string, otherwise uint64) uint64 {
		if digits == "" || err != nil {
			return otherwise
		}
		v, parseErr := strconv.ParseUint(digits, 10, 64)
		if parseErr != nil {
			err = fmt.Errorf("--range %s: %q is no number of bytes", s, digits)
		}
		return v
	}
	a, b := number(first, 0), number(last, length)
	if err != nil {
		return 0, 0, err
	}
	if first == "" { // the last b bytes
		a, b = length-min(b, length), length
	} else if last != "" && b < a {
		return 0, 0, fmt.Errorf("--range %s: ends before it begins", s)
	}
	if a >= length {
		return 0, 0, fmt.Errorf("--range %s: outside of the blob, which has %d bytes", s, length)
	}
	return a, min(b, length-1) - a + 1, nil
}
