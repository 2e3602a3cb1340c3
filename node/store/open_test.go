package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/store"
)

func TestOwner(t *testing.T) {
	fs := vfs.NewMem()
	mine := store.Owner{Node: "node key", System: "BLAKE3 RS2", Shards: 10}
	d := open(t, "store", store.Options{FS: fs, Owner: mine})
	if err := d.Apply(blob(1), wholeBlob(blob(1), 10)); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		owner store.Owner
		says  string
	}{
		"another node":   {store.Owner{Node: "other key", System: mine.System, Shards: 10}, `"node key", not of "other key"`},
		"another system": {store.Owner{Node: mine.Node, System: "Walrus RS2", Shards: 10}, `"BLAKE3 RS2", not of "Walrus RS2"`},
		"another n":      {store.Owner{Node: mine.Node, System: mine.System, Shards: 11}, "10 shards, not of 11"},
		"nobody":         {store.Owner{}, `"node key", not of ""`},
	} {
		if _, err := store.Open("store", store.Options{FS: fs, Owner: test.owner}); !errors.Is(err, store.ErrOwner) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want ErrOwner with %s", name, err, test.says)
		}
	}
	d = open(t, "store", store.Options{FS: fs, Owner: mine})
	if err := read(d, blob(1), store.Ref{}); err != nil {
		t.Error(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	for name, owner := range map[string]store.Owner{
		"negative":    {Shards: -1},
		"too many":    {Shards: commit.MaxShards + 1},
		"line breaks": {Node: "a\nb"},
		"too long":    {System: strings.Repeat("x", 5000)},
	} {
		if _, err := store.Open("other", store.Options{FS: fs, Owner: owner}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := fs.Stat("other"); err == nil {
		t.Error("a bad option makes a directory")
	}
}

// TestOtherFormats opens directories that are no store of this version.
func TestOtherFormats(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string
		want  error
	}{
		"the first version":   {map[string]string{"db/MANIFEST-000001": "x"}, store.ErrFormat},
		"a later version":     {map[string]string{"IDENTITY": "redstuff store 3\nsomething\n"}, store.ErrFormat},
		"an empty identity":   {map[string]string{"IDENTITY": ""}, store.ErrFormat},
		"half an identity":    {map[string]string{"IDENTITY": "redstuff store 2\nnode n\n"}, store.ErrDamaged},
		"identity of nothing": {map[string]string{"IDENTITY": "redstuff store 2\nnode n\nsystem s\nshards x\n"}, store.ErrDamaged},
	} {
		dir := t.TempDir()
		for file, text := range test.files {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := store.Open(dir, store.Options{})
		if !errors.Is(err, test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %q, want %v on one line", name, err, test.want)
		}
		if _, err := os.Stat(filepath.Join(dir, "slivers")); err == nil {
			t.Errorf("%s: something was made in it", name)
		}
	}
}

// TestRemovedWhileOpen removes a store, or a part of it, while it is open.
func TestRemovedWhileOpen(t *testing.T) {
	for _, part := range []string{"db", "slivers", "tmp", "LOCK", "IDENTITY", "."} {
		t.Run(part, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "store")
			d := open(t, dir, store.Options{})
			defer d.Close()
			if err := d.Apply(blob(1), update(1, 1)); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(dir, part)); err != nil {
				t.Fatal(err)
			}
			small := store.Update{Records: map[store.Record][]byte{store.Metadata: []byte("m")}}
			if err := d.Apply(blob(2), small); !errors.Is(err, store.ErrFailed) || !errors.Is(err, store.ErrGone) {
				t.Fatalf("got %v, want ErrFailed and ErrGone", err)
			}
			<-d.Done()
			if err := d.Failed(); !errors.Is(err, store.ErrGone) {
				t.Fatalf("got %v, want ErrGone", err)
			}
			for _, s := range update(1, 1).Slivers {
				if err := read(d, blob(1), s.Ref); errors.Is(err, store.ErrCorrupt) {
					t.Fatalf("a store that is gone says that %v is corrupt: %v", s.Ref, err)
				}
			}
		})
	}
	t.Run("without writes", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "store")
		d := open(t, dir, store.Options{})
		defer d.Close()
		if err := os.RemoveAll(filepath.Join(dir, "db")); err != nil {
			t.Fatal(err)
		}
		<-d.Done()
	})
	t.Run("replaced", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "store")
		d := open(t, dir, store.Options{})
		defer d.Close()
		if err := os.Rename(dir, dir+".away"); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(dir, os.DirFS(dir+".away")); err != nil {
			t.Fatal(err)
		}
		if err := d.Apply(blob(1), update(1, 1)); !errors.Is(err, store.ErrGone) {
			t.Fatalf("got %v, want ErrGone", err)
		}
	})
}

// TestDamagedDatabase damages every file of a database in turn: the store says so, or
// works and loses nothing that it says it has.
func TestDamagedDatabase(t *testing.T) {
	const blobs = 16
	clean := filepath.Join(t.TempDir(), "clean")
	d := open(t, clean, store.Options{Owner: spaceOwner, Ballast: -1})
	for i := range blobs {
		if err := d.Apply(blob(i), wholeBlob(blob(i), 2000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.DropShard(t.Context(), 0); err != nil { // which makes tables
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadDir(filepath.Join(clean, "db"))
	if err != nil {
		t.Fatal(err)
	}
	said := 0
	for _, e := range names {
		for how, damage := range map[string]func(string) error{
			"removed": os.Remove,
			"emptied": func(name string) error { return os.Truncate(name, 0) },
			"flipped": func(name string) error {
				data, err := os.ReadFile(name)
				if err != nil {
					return err
				}
				for i := range data {
					if i%7 == 3 {
						data[i] ^= 0x55
					}
				}
				return os.WriteFile(name, data, 0o600)
			},
		} {
			dir := filepath.Join(t.TempDir(), "store")
			if err := os.CopyFS(dir, os.DirFS(clean)); err != nil {
				t.Fatal(err)
			}
			if err := damage(filepath.Join(dir, "db", e.Name())); err != nil {
				t.Fatal(err)
			}
			what := e.Name() + " " + how
			d, err := store.Open(dir, store.Options{Owner: spaceOwner, Ballast: -1})
			if err != nil {
				if !errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), "move the directory away") {
					t.Errorf("%s: got %v, want ErrDamaged", what, err)
				}
				said++
				continue
			}
			found := 0
			for i := range blobs {
				for _, s := range wholeBlob(blob(i), 2000).Slivers {
					got, err := d.Read(nil, blob(i), s.Ref, 0, -1)
					switch {
					case err == nil && !bytes.Equal(got, s.Data):
						t.Errorf("%s: wrong bytes", what)
					case err == nil:
						found++
					case errors.Is(err, store.ErrCorrupt):
						t.Errorf("%s: a damaged database says that a sliver is corrupt: %v", what, err)
					}
				}
			}
			if failed := d.Failed(); failed != nil {
				said++
				if !errors.Is(failed, store.ErrDamaged) {
					t.Errorf("%s: got %v, want ErrDamaged", what, failed)
				}
			} else if found < blobs*2*(spaceShards-1) {
				t.Logf("%s: %d slivers, and the store says nothing", what, found)
			}
			_ = d.Close()
		}
	}
	if said < 5 {
		t.Errorf("%d kinds of damage were noticed", said)
	}
}
