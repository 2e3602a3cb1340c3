package store

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
)

func TestDeviceErrorPersists(t *testing.T) {
	for _, test := range []struct {
		name    string
		err     error
		others  int           // slivers that have an error as well
		reads   int           // of the sliver
		between time.Duration // reads
		cleared bool          // before the last read
		want    bool
	}{
		{"once", syscall.EIO, 0, 1, 0, false, false},
		{"in a burst of reads", syscall.EIO, 0, 1000, time.Millisecond, false, false},
		{"again and again", syscall.EIO, 0, 3, suspectFor, false, true},
		{"wrapped", fmt.Errorf("read: %w", syscall.EIO), 0, 3, suspectFor, false, true},
		{"twice", syscall.EIO, 0, 2, suspectFor, false, false},
		{"with a good read between", syscall.EIO, 0, 3, suspectFor, true, false},
		{"beside few", syscall.EIO, maxSuspects - 1, 3, suspectFor, false, true},
		{"beside many", syscall.EIO, maxSuspects, 3, suspectFor, false, false},
		{"beside very many", syscall.EIO, 10 * maxSuspects, 3, suspectFor, false, false},
		{"no descriptors", syscall.EMFILE, 0, 10, suspectFor, false, false},
	} {
		now := time.Unix(1, 0)
		s := suspects{now: func() time.Time { return now }}
		for i := range test.others {
			s.persists(commit.BlobID{byte(i), byte(i >> 8), 1}, Ref{}, syscall.EIO)
		}
		got := false
		for i := range test.reads {
			if test.cleared && i == test.reads-1 {
				s.clear(commit.BlobID{}, Ref{})
			}
			got = s.persists(commit.BlobID{}, Ref{}, test.err)
			now = now.Add(test.between)
		}
		if got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}
