package ctxio

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestAwait(t *testing.T) {
	failed := errors.New("failed")
	never := make(chan struct{})
	defer close(never)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		ctx  context.Context
		f    func() (int, error)
		want int
		err  error
	}{
		{"value", t.Context(), func() (int, error) { return 7, nil }, 7, nil},
		{"error", t.Context(), func() (int, error) { return 7, failed }, 7, failed},
		{"ended", ended, func() (int, error) { <-never; return 7, nil }, 0, context.Canceled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got, err := Await(test.ctx, test.f); got != test.want || err != test.err {
				t.Errorf("%d, %v; want %d, %v", got, err, test.want, test.err)
			}
		})
	}
}

// TestWriter writes to a pipe that nobody reads, until it is told to stop.
func TestWriter(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	ctx, cancel := context.WithCancel(t.Context())
	out := Writer(ctx, w)
	go io.ReadFull(r, make([]byte, 3))
	if n, err := out.Write([]byte("abc")); n != 3 || err != nil {
		t.Errorf("read: %d, %v", n, err)
	}
	go cancel()
	for range 2 {
		if _, err := out.Write([]byte("d")); !errors.Is(err, context.Canceled) {
			t.Errorf("unread: %v", err)
		}
	}
}

func TestOpenFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	f, err := OpenFile(t.Context(), name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := OpenFile(t.Context(), name+"x", os.O_RDONLY, 0); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}
