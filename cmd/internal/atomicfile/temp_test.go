//go:build unix

package atomicfile

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
)

func TestIsTemp(t *testing.T) {
	for name, want := range map[string]bool{
		".rs2d-0123456789abcdef":          true,
		".rs2d-0123456789abcde":           false,
		".rs2d-0123456789abcdef0":         false,
		".rs2d-0123456789ABCDEF":          false,
		".rs2d-0123456789abcdeg":          false,
		"rs2d-0123456789abcdef":           false,
		".rs2d-":                          false,
		".replaced.rs2d-0123456789abcdef": false,
	} {
		if got := IsTemp(name); got != want {
			t.Errorf("IsTemp(%q) = %v, want %v", name, got, want)
		}
	}
}

// TestSweep removes what nobody has locked, and nothing else.
func TestSweep(t *testing.T) {
	parent := t.TempDir()
	at := func(name string) string { return filepath.Join(parent, name) }
	outside := filepath.Join(t.TempDir(), "outside")
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.WriteFile(outside, []byte("kept"), 0o666))

	// Abandoned: a file, and a directory with a link in it that is not followed.
	check(os.WriteFile(at(".rs2d-0000000000000001"), nil, 0o666))
	check(os.Mkdir(at(".rs2d-0000000000000002"), 0o777))
	check(os.Symlink(filepath.Dir(outside), at(".rs2d-0000000000000002/link")))
	check(os.WriteFile(at(".rs2d-0000000000000002/file"), nil, 0o666))
	// Not ours: a pipe, a link, and other names.
	check(syscall.Mkfifo(at(".rs2d-0000000000000003"), 0o666))
	check(os.Symlink(outside, at(".rs2d-0000000000000004")))
	check(os.WriteFile(at(".rs2d-mine"), nil, 0o666))
	// At work.
	file, err := Create(t.Context(), at("file"))
	check(err)
	defer file.Discard()
	dir, err := CreateDir(at("dir"))
	check(err)
	defer dir.Discard()

	check(Sweep(parent))
	want := []string{".rs2d-0000000000000003", ".rs2d-0000000000000004", ".rs2d-mine", file.temp, dir.temp}
	slices.Sort(want)
	if got := names(t, parent); !slices.Equal(got, want) {
		t.Errorf("there is %v, want %v", got, want)
	}
	if got := mustRead(t, outside); got != "kept" {
		t.Errorf("outside: %q", got)
	}
	check(file.Commit())
	check(dir.Commit())
	check(Sweep(parent))
	want = []string{".rs2d-0000000000000003", ".rs2d-0000000000000004", ".rs2d-mine", "dir", "file"}
	if got := names(t, parent); !slices.Equal(got, want) {
		t.Errorf("there is %v, want %v", got, want)
	}
}

// TestSweepWhileOthersBegin sweeps all the time, while files and directories are begun:
// none fails for what is taken for abandoned before it is locked.
func TestSweepWhileOthersBegin(t *testing.T) {
	parent := t.TempDir()
	var sweeping sync.WaitGroup
	defer sweeping.Wait()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for range 2 {
		sweeping.Go(func() {
			for ctx.Err() == nil {
				_ = Sweep(parent) // what another removes first cannot be removed
			}
		})
	}
	for i := range 300 {
		dir, err := CreateDir(filepath.Join(parent, "dir"))
		if err != nil {
			t.Fatalf("directory %d: %v", i, err)
		}
		dir.Discard()
		file, err := Create(t.Context(), filepath.Join(parent, "file"))
		if err != nil {
			t.Fatalf("file %d: %v", i, err)
		}
		file.Discard()
	}
}

// TestCreateIn replaces what has the name, and never what it leads to.
func TestCreateIn(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("kept"), 0o666); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "f")
	tests := []struct {
		name  string
		put   func() error
		fails bool
	}{
		{name: "nothing", put: func() error { return nil }},
		{name: "file", put: func() error { return os.WriteFile(name, []byte("old"), 0o600) }},
		{name: "link", put: func() error { return os.Symlink(outside, name) }},
		{name: "broken link", put: func() error { return os.Symlink("nowhere", name) }},
		{name: "pipe", put: func() error { return syscall.Mkfifo(name, 0o666) }},
		{name: "directory", put: func() error { return os.Mkdir(name, 0o777) }, fails: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := os.RemoveAll(name); err != nil {
				t.Fatal(err)
			}
			if err := test.put(); err != nil {
				t.Fatal(err)
			}
			root, err := OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			f, err := CreateIn(t.Context(), root, "f", 0o640)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Discard()
			f.WriteString("new")
			err = f.Commit()
			if (err != nil) != test.fails {
				t.Fatalf("Commit: %v, want an error: %v", err, test.fails)
			}
			if err == nil {
				info, err := os.Lstat(name)
				if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&^0o640 != 0 {
					t.Errorf("not a new file: %v, %v", info.Mode(), err)
				}
				if got := mustRead(t, name); got != "new" {
					t.Errorf("content %q", got)
				}
			}
			if got := mustRead(t, outside); got != "kept" {
				t.Errorf("outside: %q", got)
			}
			if got := names(t, dir); !slices.Equal(got, []string{"f"}) {
				t.Errorf("left behind: %v", got)
			}
		})
	}
}

// TestOpenRootPipe does not wait for the other end of a pipe.
func TestOpenRootPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Fatal(err)
	}
	if root, err := OpenRoot(pipe); err == nil {
		root.Close()
		t.Error("a pipe was opened as a directory")
	}
}
