// Package framing checks how the requests on a connection of HTTP/1.1 are told apart. A proxy that
// takes another byte for the end of a request than the server behind it lets one client write
// the begin of another one's request. So what proxies and servers are known to disagree about
// is refused, although RFC 9112 lets a server guess what was meant.
package framing

import (
	"bytes"
	"errors"
	"io"
	"strconv"
)

var (
	// ErrLineEnd is returned when CR or LF alone stands in a head.
	ErrLineEnd = errors.New("framing: a line of the head ends with CR or LF alone: want CR LF")
	// ErrFolded is returned when a field goes on in another line.
	ErrFolded = errors.New("framing: a line of the head begins with a space: want a field's name")
	// ErrField is returned when a line of a head is no field.
	ErrField = errors.New("framing: a line of the head is no field: want NAME: VALUE")
	// ErrLength is returned when the length of a body is no number.
	ErrLength = errors.New("framing: Content-Length is no number: want decimal digits")
	// ErrAmbiguous is returned when a head says more than once how long the body is.
	ErrAmbiguous = errors.New("framing: there are Transfer-Encoding and Content-Length, or one of them twice: want one of them, once")
)

// Requests checks what comes on one connection. Its zero value is for the begin of one. A request
// with Transfer-Encoding is the last that it checks: its server must end the connection then.
type Requests struct {
	line   [64]byte // begin of the line that comes
	n      int      // its length so far
	cr     bool     // it ends with CR
	begun  bool     // the request's first line has come
	length bool     // Content-Length has
	coded  bool     // Transfer-Encoding has
	left   uint64   // bytes of the body that are still to come
	last   bool     // nothing is checked any more
	err    error
}

// Read reads from the connection. The head of a wrong request never comes to its end: the error says
// what is wrong with it, whenever it is read on.
func (r *Requests) Read(from io.Reader, p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err := from.Read(p)
	right := r.check(p[:n])
	if r.err != nil {
		return right, r.err
	}
	return n, err
}

// check returns how many of the next bytes may be read.
func (r *Requests) check(p []byte) int {
	for i := 0; i < len(p) && !r.last; {
		if !r.begun && r.left > 0 {
			n := min(r.left, uint64(len(p)-i))
			r.left -= n
			i += int(n)
			continue
		}
		if r.err = r.next(p[i]); r.err != nil {
			return i
		}
		i++
	}
	return len(p)
}

// next takes a byte of a head.
func (r *Requests) next(b byte) error {
	switch {
	case r.cr && b == '\n':
		r.cr = false
		return r.ended()
	case r.cr || b == '\n':
		return ErrLineEnd
	case b == '\r':
		r.cr = true
		return nil
	}
	if r.n < len(r.line) {
		r.line[r.n] = b
	}
	r.n++
	return nil
}

// ended takes a line of a head.
func (r *Requests) ended() error {
	line, whole := r.line[:min(r.n, len(r.line))], r.n <= len(r.line)
	r.n = 0
	switch {
	case len(line) == 0:
		r.begun, r.length, r.last = false, false, r.coded
		return nil
	case !r.begun:
		r.begun = true
		return nil
	}
	return r.field(line, whole)
}

// field takes a field, or the begin of one that is longer than any that counts here.
func (r *Requests) field(line []byte, whole bool) error {
	if line[0] == ' ' || line[0] == '\t' {
		return ErrFolded
	}
	name, value, ok := bytes.Cut(line, []byte{':'})
	if !ok && whole || len(name) == 0 || bytes.ContainsFunc(name, notOfNames) {
		return ErrField
	}
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseUint(string(bytes.Trim(value, " \t")), 10, 63)
		if err != nil || !whole {
			return ErrLength
		}
		if r.length || r.coded {
			return ErrAmbiguous
		}
		r.length, r.left = true, n
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		if r.length || r.coded {
			return ErrAmbiguous
		}
		r.coded = true
	}
	return nil
}

// notOfNames reports whether a field's name has no such character.
func notOfNames(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !bytes.ContainsRune([]byte("!#$%&'*+-.^_`|~"), c)
}
