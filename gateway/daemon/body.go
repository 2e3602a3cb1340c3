package daemon

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// bodies takes requests' bodies in. A request has its turn when its body has come, so that nobody
// waits for whoever sends one slowly; how much of bodies there is at once is bounded.
type bodies struct {
	service       string // whose they are
	options       Options
	memory, spool *room // bytes
}

func newBodies(o Options) *bodies {
	return &bodies{"publisher", o, newRoom(max(o.MaxBodies, formCopies*o.MaxQuilt), 0), newRoom(max(o.MaxSpool, o.MaxBlob), 0)}
}

// of returns the same room for bodies of another service.
func (d *bodies) of(service string) *bodies {
	return &bodies{service, d.options, d.memory, d.spool}
}

// announced returns how long a body may be, by what its request says. The error is that of one
// that is too long.
func announced(r *http.Request, limit int64) (int64, error) {
	switch {
	case r.ContentLength > limit:
		return 0, &http.MaxBytesError{Limit: limit}
	case r.ContentLength < 0:
		return limit, nil
	}
	return r.ContentLength, nil
}

// claim waits for room for n bytes of a request's body.
func (d *bodies) claim(w http.ResponseWriter, r *http.Request, of *room, n int64) (*claim, error) {
	ctx, cancel := context.WithTimeout(r.Context(), d.options.Timeout)
	defer cancel()
	c, err := of.take(ctx, n, func() { _ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) })
	if err != nil && r.Context().Err() == nil {
		err = busy(d.service)
	}
	return c, err
}

// incoming is a request's body as it comes, of which the claim bounds what is kept. It grows with what
// has come: what is announced is worth nothing.
type incoming struct {
	src      io.Reader
	claim    *claim
	service  string
	ctx      context.Context // of waiting for room
	patience time.Duration   // of that
	times    int64           // so often what comes is kept; 0 is that there is room for all of it
	length   int64           // of the body at most
	came     int64
}

// firstRoom is how much room is taken before anything has come, bytes.
const firstRoom = 64 << 10

// room waits for room for what comes next, as much as has come, and returns for how much of it there is.
func (b *incoming) room(n int) (int, error) {
	if b.times == 0 {
		return n, nil
	}
	has := b.claim.n/b.times - b.came
	if has <= 0 && b.claim.n < b.claim.room.size {
		more := min(b.claim.n, max(b.times*(b.length+1)-b.claim.n, 1))
		ctx, cancel := context.WithTimeout(b.ctx, b.patience)
		defer cancel()
		if err := b.claim.grow(ctx, more); err != nil {
			return 0, err
		}
		has = b.claim.n/b.times - b.came
	}
	if has <= 0 { // it has the whole room
		return n, nil
	}
	return int(min(int64(n), has)), nil
}

// Read reads what comes. Errors are told to the client: they are its own.
func (b *incoming) Read(data []byte) (int, error) {
	n, err := b.room(len(data))
	if err != nil {
		return 0, busy(b.service)
	}
	n, err = b.claim.move(b.src.Read, data[:n])
	b.came += int64(n)
	var tooLong *http.MaxBytesError
	switch {
	case err == nil, err == io.EOF, errors.As(err, &tooLong), errors.Is(err, context.Canceled):
		return n, err
	case errors.Is(err, errSlow):
		return n, &plain{http.StatusRequestTimeout, "the body comes too slowly while others wait; please try again later"}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, &plain{http.StatusRequestTimeout, "the body has not come in time"}
	}
	return n, malformed("the body is malformed, or cut off")
}

// Close does nothing: the server closes the body.
func (b *incoming) Close() error { return nil }

// ended returns an error if the body was cut off when it had come, and else has it not be any more.
func (b *incoming) ended() error {
	if b.claim.settle() != nil {
		return busy(b.service)
	}
	return nil
}

// open returns a request's body, of at most limit bytes, for which there is memory: so many times
// as it is long.
func (d *bodies) open(w http.ResponseWriter, r *http.Request, limit, times int64) (*incoming, error) {
	n, err := announced(r, limit)
	if err != nil {
		return nil, err
	}
	c, err := d.claim(w, r, d.memory, min(firstRoom, n+1)*times)
	if err != nil {
		return nil, err
	}
	return &incoming{src: http.MaxBytesReader(w, r.Body, limit), claim: c, service: d.service, ctx: r.Context(), patience: d.options.Timeout, times: times, length: n}, nil
}

// all reads a request's body, of at most limit bytes, into memory, until done is called.
func (d *bodies) all(w http.ResponseWriter, r *http.Request, limit int64) (data []byte, done func(), err error) {
	b, err := d.open(w, r, limit, 1)
	if err != nil {
		return nil, nil, err
	}
	if data, err = io.ReadAll(b); err == nil {
		err = b.ended()
	}
	if err != nil {
		b.claim.give()
		return nil, nil, err
	}
	return data, b.claim.give, nil
}

// body is a request's body that has come: in memory if it is short, and else in a file.
type body struct {
	short []byte
	file  *os.File // nil if it is short
	size  int64
	claim *claim // of room for it; nil is that somebody else has it
}

// receive reads a request's body, of at most limit bytes.
func (d *bodies) receive(w http.ResponseWriter, r *http.Request, limit int64) (*body, error) {
	in, err := d.open(w, r, limit, 1)
	if err != nil {
		return nil, err
	}
	b := &body{claim: in.claim}
	b.short, err = io.ReadAll(io.LimitReader(in, d.options.MaxShort+1))
	if b.size = int64(len(b.short)); err == nil && b.size > d.options.MaxShort {
		err = d.toFile(w, r, b, in)
	}
	if err == nil {
		err = in.ended()
	}
	if err != nil {
		_ = b.close() // it is what the body is like that counts
		return nil, err
	}
	return b, nil
}

// toFile writes what has come of a body, and what comes, to a file.
func (d *bodies) toFile(w http.ResponseWriter, r *http.Request, b *body, in *incoming) error {
	c, err := d.claim(w, r, d.spool, in.length)
	if err != nil {
		return err
	}
	b.claim.give()
	b.claim, in.claim, in.times = c, c, 0
	if b.file, err = os.CreateTemp(d.options.SpoolDir, "redstuff-gateway-*"); err != nil {
		return err
	}
	short := b.short
	b.short = nil
	b.size, err = io.Copy(b.file, io.MultiReader(bytes.NewReader(short), in))
	return err
}

// readerAt reads the body.
func (b *body) readerAt() io.ReaderAt {
	if b.file == nil {
		return bytes.NewReader(b.short)
	}
	return b.file
}

// close removes the file, if there is one.
func (b *body) close() (err error) {
	if b.file != nil {
		err = errors.Join(b.file.Close(), os.Remove(b.file.Name()))
	}
	if b.claim != nil {
		b.claim.give()
	}
	return err
}
