package api

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// PartsQuery returns the query that asks for parts of a blob's metadata, those of the pairs,
// with a proof that opens them or without, see package coded.
func PartsQuery(pairs []int, proven bool) string {
	words := make([]string, len(pairs))
	for i, pair := range pairs {
		words[i] = strconv.Itoa(pair)
	}
	q := url.Values{"pairs": {strings.Join(words, ",")}}
	if proven {
		q.Set("proven", "true")
	}
	return q.Encode()
}

// ParsePartsQuery reads a PartsQuery for n shards. The error wraps ErrMalformed.
func ParsePartsQuery(q url.Values, n int) (pairs []int, proven bool, err error) {
	if pairs, err = ParsePairs(q.Get("pairs"), n); err != nil {
		return nil, false, err
	}
	switch s := q.Get("proven"); s {
	case "":
	case "true":
		proven = true
	default:
		return nil, false, fmt.Errorf("%w: proven is %q, and not true", ErrMalformed, clip(s))
	}
	if len(pairs) == 0 {
		return nil, false, fmt.Errorf("%w: no pairs are asked for", ErrMalformed)
	}
	return pairs, proven, nil
}
