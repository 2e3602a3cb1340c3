package cork

import (
	"bytes"
	"errors"
	"testing"
)

// sink notes what is written to it, and how often.
type sink struct {
	bytes.Buffer
	writes int
	err    error
}

func (s *sink) Write(b []byte) (int, error) {
	s.writes++
	if s.err != nil {
		return 0, s.err
	}
	return s.Buffer.Write(b)
}

func TestGather(t *testing.T) {
	to, buffers := new(sink), NewBuffers(1)
	w := NewWriter(to)
	write := func(pieces, length int) func() (int, error) {
		return func() (total int, err error) {
			for i := range pieces {
				n, err := w.Write(bytes.Repeat([]byte{byte(i)}, length))
				if total += n; err != nil {
					return total, err
				}
			}
			return total, nil
		}
	}
	for _, c := range []struct{ pieces, length, writes int }{
		{1, 1, 1}, {8, record + overhead, 1}, {9, record + overhead, 2}, {3, room, 3}, {2, room + 1, 3}, {0, 0, 0},
	} {
		to.Reset()
		to.writes = 0
		n, err := w.Gather(buffers, write(c.pieces, c.length))
		if err != nil || n != c.pieces*c.length || to.Len() != n || to.writes != c.writes {
			t.Errorf("%d pieces of %d: %d of %d bytes, %v, in %d writes, want %d", c.pieces, c.length, to.Len(), n, err, to.writes, c.writes)
		}
		for i, b := range to.Bytes() {
			if b != byte(i/c.length) {
				t.Fatalf("%d pieces of %d: byte %d is of piece %d", c.pieces, c.length, i, b)
			}
		}
	}

	to.writes = 0
	_, _ = write(3, 10)()
	if to.writes != 3 {
		t.Errorf("%d writes of 3 without Gather", to.writes)
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = w.Gather(buffers, func() (int, error) { panic("in the middle") })
	}()
	held := buffers.take()
	if len(held) < room || buffers.take() != nil {
		t.Fatal("after a panic there is not one buffer")
	}
	to.Reset()
	to.writes = 0
	if n, err := w.Gather(buffers, write(3, 10)); n != 30 || err != nil || to.Len() != 30 || to.writes != 3 {
		t.Errorf("without memory: %d of %d bytes, %v, in %d writes", to.Len(), n, err, to.writes)
	}
	buffers.give(held)

	to.err = errors.New("the line is down")
	if _, err := w.Gather(buffers, write(3, 10)); !errors.Is(err, to.err) {
		t.Errorf("on a line that is down: %v", err)
	}
}
