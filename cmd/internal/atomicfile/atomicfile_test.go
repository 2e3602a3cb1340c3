package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// names lists a directory.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "f")
	if err := WriteFile(t.Context(), target, []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(target, 0o600); err != nil {
		t.Fatal(err)
	}

	f, err := Create(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("two"); err != nil {
		t.Fatal(err)
	}
	if got := mustRead(t, target); got != "one" {
		t.Errorf("before Commit: %q", got)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	f.Discard()
	if got := mustRead(t, target); got != "two" {
		t.Errorf("after Commit: %q", got)
	}
	if info, err := os.Stat(target); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the mode was not kept: %v, %v", info.Mode(), err)
	}

	if f, err = Create(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("three"); err != nil {
		t.Fatal(err)
	}
	f.Discard()
	if got := mustRead(t, target); got != "two" {
		t.Errorf("after Discard: %q", got)
	}
	if got := names(t, dir); !slices.Equal(got, []string{"f"}) {
		t.Errorf("left behind: %v", got)
	}
}

func TestFileThroughSymlink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "f"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("f", link); err != nil {
		t.Skip(err)
	}
	if err := WriteFile(t.Context(), link, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if got := mustRead(t, target); got != "x" {
		t.Errorf("behind the link: %q", got)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
}

func TestFileErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := Create(t.Context(), dir); err == nil {
		t.Error("a directory was accepted")
	}
	if _, err := Create(t.Context(), filepath.Join(dir, "no", "f")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a parent: %v", err)
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

func TestDevice(t *testing.T) {
	if err := WriteFile(t.Context(), os.DevNull, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s: %v, %v", os.DevNull, info, err)
	}
}

func TestDir(t *testing.T) {
	parent := t.TempDir()
	target := filepath.Join(parent, "d")
	write := func(name string) *Dir {
		d, err := CreateDir(target)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.Path(), name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
		return d
	}
	for _, name := range []string{"new", "over"} {
		d := write(name)
		if err := d.Commit(); err != nil {
			t.Fatal(err)
		}
		d.Discard()
		if got := names(t, target); !slices.Equal(got, []string{name}) {
			t.Errorf("after Commit: %v", got)
		}
	}
	write("gone").Discard()
	if got := names(t, target); !slices.Equal(got, []string{"over"}) {
		t.Errorf("after Discard: %v", got)
	}
	if got := names(t, parent); !slices.Equal(got, []string{"d"}) {
		t.Errorf("left behind: %v", got)
	}
	if _, err := CreateDir(filepath.Join(parent, "no", "d")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a parent: %v", err)
	}
}
