package httpd

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// TestReadBody: a body is read whole, in memory of its length, and one that is cut off is an error.
func TestReadBody(t *testing.T) {
	all := make([]byte, 5*firstPart+3)
	for i := range all {
		all[i] = byte(i * 7)
	}
	for _, length := range []int{0, 1, firstPart - 1, firstPart, firstPart + 1, 2 * firstPart, len(all)} {
		want := all[:length]
		for name, r := range map[string]io.Reader{"at once": bytes.NewReader(want), "in halves": iotest.HalfReader(bytes.NewReader(want))} {
			got, err := readBody(r, int64(length))
			if err != nil || !bytes.Equal(got, want) || cap(got) != length {
				t.Errorf("%d bytes %s: %d bytes in %d, %v", length, name, len(got), cap(got), err)
			}
		}
		if length == 0 {
			continue
		}
		if got, err := readBody(bytes.NewReader(want[1:]), int64(length)); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			t.Errorf("one byte less than %d: %d bytes, %v", length, len(got), err)
		}
	}
	cut := errors.New("cut")
	if _, err := readBody(iotest.ErrReader(cut), 9); !errors.Is(err, cut) {
		t.Errorf("%v, want %v", err, cut)
	}
}
