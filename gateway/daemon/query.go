package daemon

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// query is what is asked for behind the path's question mark. Each key that is read is
// taken out of it, so that what is left is unknown.
type query struct {
	values url.Values
	err    error // the first
}

func parseQuery(r *http.Request) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	q := &query{values, nil}
	if err != nil {
		q.fail("the query is malformed: %v", err)
	}
	return q
}

func (q *query) fail(format string, args ...any) {
	if q.err == nil {
		q.err = malformed(fmt.Sprintf(format, args...))
	}
}

// take returns the value of a key, if there is one.
func (q *query) take(key string) (value string, ok bool) {
	values := q.values[key]
	delete(q.values, key)
	if len(values) > 1 {
		q.fail("%s is given %d times", key, len(values))
	}
	if len(values) == 0 {
		return "", false
	}
	return values[0], true
}

// flag returns the value of a key that is true or false, and false if there is none.
func (q *query) flag(key string) bool {
	switch value, ok := q.take(key); {
	case !ok || value == "false":
	case value == "true":
		return true
	default:
		q.fail("%s is %q, want true or false", key, value)
	}
	return false
}

// number returns the value of a key that is a number of so many bits.
func (q *query) number(key string, bits int) (n uint64, ok bool) {
	value, ok := q.take(key)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(value, 10, bits)
	if err != nil {
		q.fail("%s is %q, want a number of %d bits", key, value, bits)
	}
	return n, true
}

// end returns the first error. A key that nobody has taken is one.
func (q *query) end() error {
	for key := range q.values {
		q.fail("unknown key %q", key)
	}
	return q.err
}

// check takes what a query says of how strict a read is to be, and reports whether it is to be
// the strictest. Reads are no less strict than usual in any case.
func (q *query) check() (strict bool, err error) {
	strict, skip := q.flag("strict_consistency_check"), q.flag("skip_consistency_check")
	if err := q.end(); err != nil {
		return false, err
	}
	if strict && skip {
		return false, refuse("INVALID_CONSISTENCY_CHECK", "a check cannot be strict and skipped: give one of strict_consistency_check and skip_consistency_check")
	}
	return strict, nil
}
