package blocklist

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
)

// TestList changes a file in all ways there are: what it names is blocked from then on, and what it
// does not name is not.
func TestList(t *testing.T) {
	id := func(n byte) commit.BlobID { return commit.BlobID{n, 31: n} }
	path := filepath.Join(t.TempDir(), "blocked")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(path, nil); !os.IsNotExist(err) {
		t.Errorf("no file: %v", err)
	}
	write("# none yet\n\nnonsense\n")
	if _, err := Open(path, nil); err == nil || !strings.Contains(err.Error(), "blocked: line 3: ") {
		t.Errorf("a line that is no id: %v", err)
	}
	write("# none yet\n")
	l, err := Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	l.now = func() time.Time { return now }
	for _, c := range []struct {
		name   string
		change func()
		wait   time.Duration
		want   []byte // that are blocked, of 1 to 4
	}{
		{"nothing", func() {}, fresh, nil},
		{"one is named", func() { write(id(1).String() + " # by a court\n") }, fresh, []byte{1}},
		{"another one, of the same length", func() { write(id(2).String() + " # by a court\n") }, fresh, []byte{2}},
		{"a moment before it is looked at", func() { write(id(1).String() + "\n" + id(3).String()) }, fresh / 2, []byte{2}},
		{"a moment after", func() {}, fresh / 2, []byte{1, 3}},
		{"a line is no id", func() { write(id(4).String() + "\nnonsense\n") }, fresh, []byte{1, 3}},
		{"the file is gone", func() { _ = os.Remove(path) }, fresh, []byte{1, 3}},
		{"it is there again, by another name at first", func() {
			name := path
			path += ".new"
			write("\t" + id(4).String() + "\r\n")
			if err := os.Rename(path, name); err != nil {
				t.Fatal(err)
			}
			path = name
		}, fresh, []byte{4}},
		{"long after", func() { write(strings.Repeat("#", 10) + "\n" + id(2).String() + "\n") }, time.Hour, []byte{2}},
	} {
		c.change()
		now = now.Add(c.wait)
		var got []byte
		for n := range byte(4) {
			if l.Has(id(n + 1)) {
				got = append(got, n+1)
			}
		}
		if string(got) != string(c.want) {
			t.Errorf("%s: %v are blocked, want %v", c.name, got, c.want)
		}
	}
}

// FuzzParse reads any file: what it names is named by an id of its own.
func FuzzParse(f *testing.F) {
	f.Add(commit.BlobID{1}.String() + "\n# no\n")
	f.Fuzz(func(t *testing.T, text string) {
		ids, err := parse(strings.NewReader(text))
		for id := range ids {
			if !strings.Contains(text, id.String()) {
				t.Errorf("%v is blocked by %q", id, text)
			}
		}
		if err != nil && ids != nil {
			t.Errorf("%d ids with an error: %v", len(ids), err)
		}
	})
}
