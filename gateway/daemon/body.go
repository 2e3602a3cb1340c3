package daemon

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
)

// body is a request's body that has come: in memory if it is short, and else in a file.
type body struct {
	short []byte
	file  *os.File // nil if it is short
	size  int64
}

// sent is a request's body as it comes. Errors of reading it are told to the client: they are its own.
type sent struct{ io.Reader }

// sentBody returns a request's body, of at most limit bytes.
func sentBody(w http.ResponseWriter, r *http.Request, limit int64) sent {
	return sent{http.MaxBytesReader(w, r.Body, limit)}
}

func (s sent) Read(data []byte) (int, error) {
	n, err := s.Reader.Read(data)
	var tooLong *http.MaxBytesError
	switch {
	case err == nil, err == io.EOF, errors.As(err, &tooLong), errors.Is(err, context.Canceled):
		return n, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, &plain{http.StatusRequestTimeout, "the body has not come in time"}
	}
	return n, malformed("the body is malformed, or cut off")
}

// Close does nothing: the server closes the body.
func (s sent) Close() error { return nil }

// readBody reads a body, of which at most inMemory bytes are held in memory.
func readBody(r io.Reader, dir string, inMemory int64) (*body, error) {
	short, err := io.ReadAll(io.LimitReader(r, inMemory+1))
	if err != nil {
		return nil, err
	}
	if int64(len(short)) <= inMemory {
		return &body{short: short, size: int64(len(short))}, nil
	}
	f, err := os.CreateTemp(dir, "redstuff-gateway-*")
	if err != nil {
		return nil, err
	}
	b := &body{file: f}
	if b.size, err = io.Copy(f, io.MultiReader(bytes.NewReader(short), r)); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

// readerAt reads the body.
func (b *body) readerAt() io.ReaderAt {
	if b.file == nil {
		return bytes.NewReader(b.short)
	}
	return b.file
}

// close removes the file, if there is one.
func (b *body) close() error {
	if b.file == nil {
		return nil
	}
	return errors.Join(b.file.Close(), os.Remove(b.file.Name()))
}
