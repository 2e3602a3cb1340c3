// Package blocklist reads a file of the ids of blobs that an operator does not give out, and reads
// it again when it has changed.
package blocklist

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/commit"
)

// List is the blobs that a file names: an id in each line, behind which anything may stand. What
// follows a # is no id. It is safe for concurrent use.
type List struct {
	path string
	log  *slog.Logger
	now  func() time.Time

	mu     sync.Mutex
	ids    map[commit.BlobID]bool
	looked time.Time   // when the file was looked at last
	read   time.Time   // when it was read last
	info   os.FileInfo // of the file that was read
	wrong  string      // what was logged last; empty if all is well
}

// fresh is for how long the file is not looked at again.
const fresh = time.Second

// Open reads a file. The logger, which may be nil, is told what becomes of it later.
func Open(path string, log *slog.Logger) (*List, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	l := &List{path: path, log: log, now: time.Now}
	l.looked = l.now()
	return l, l.load()
}

// Has reports whether the blob is one that the file names. If the file cannot be read any more, or
// has a line that is no id, what it named before stays blocked, and nothing else is.
func (l *List) Has(id commit.BlobID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now(); now.Sub(l.looked) >= fresh {
		l.looked = now
		if l.changed() {
			l.reload()
		}
	}
	return l.ids[id]
}

// reload reads the file again, and logs what has changed.
func (l *List) reload() {
	before := len(l.ids)
	err := l.load()
	switch {
	case err == nil:
		if l.wrong = ""; len(l.ids) != before {
			l.log.Info("the list of blocked blobs was read again", "file", l.path, "blobs", len(l.ids), "before", before)
		}
	case l.wrong != err.Error():
		l.wrong = err.Error()
		l.log.Error("the list of blocked blobs stays as it was", "error", err)
	}
}

// changed reports whether the file is not the one that was read, as far as its size and its times
// tell. One that was changed when it was read may have been changed again within the same tick of
// its clock.
func (l *List) changed() bool {
	info, err := os.Stat(l.path)
	if err != nil || l.info == nil {
		return true // load says what is wrong
	}
	return !os.SameFile(info, l.info) || info.Size() != l.info.Size() || !info.ModTime().Equal(l.info.ModTime()) ||
		l.read.Sub(l.info.ModTime()) < 2*fresh
}

// load reads the file.
func (l *List) load() error {
	f, err := os.Open(l.path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	l.info, l.read = info, l.now()
	ids, err := parse(f)
	if err != nil {
		return fmt.Errorf("%s: %w", l.path, err)
	}
	l.ids = ids
	return nil
}

// parse reads the lines of a file.
func parse(r io.Reader) (map[commit.BlobID]bool, error) {
	ids := make(map[commit.BlobID]bool)
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		id, err := commit.ParseBlobID(words[0])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		ids[id] = true
	}
	return ids, lines.Err()
}
