package daemon

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// body is a request's body that has come: in memory if it is short, and else in a file.
type body struct {
	short []byte
	file  *os.File // nil if it is short
	size  int64
}

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
