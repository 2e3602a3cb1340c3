package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/redstuff-go/redstuff/cmd/internal/ctxio"
)

// source is a file that is stored with others.
type source struct {
	path string // among them, with slashes
	name string // on the disk
	info fs.FileInfo
}

func (s *source) size() int64 { return s.info.Size() }

// foundFiles are files that are to be stored together.
type foundFiles struct {
	all     []source // sorted by their paths
	empty   []source // directories without files
	skipped []string // what is no regular file
}

// sources finds the files that are named, and if recursive is set those in directories that
// are. Their paths are relative to the directory if there is one only.
func sources(ctx context.Context, names []string, recursive bool) (found foundFiles, err error) {
	none := foundFiles{}
	for _, name := range names {
		info, err := os.Stat(name)
		switch {
		case err != nil:
			return none, err
		case info.Mode().IsRegular():
			found.all = append(found.all, source{filepath.Base(name), name, info})
			continue
		case !info.IsDir():
			return none, fmt.Errorf("%s: is no regular file, which it takes to store several", name)
		case !recursive:
			return none, fmt.Errorf("%s is a directory: --recursive stores what is in it", name)
		}
		prefix := ""
		if len(names) > 1 {
			whole, err := filepath.Abs(name)
			if err != nil {
				return none, err
			}
			prefix = filepath.Base(whole)
		}
		err = filepath.WalkDir(name, func(at string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case ctx.Err() != nil:
				return ctx.Err()
			case !d.IsDir() && !d.Type().IsRegular():
				found.skipped = append(found.skipped, at)
				return nil
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(name, at)
			if err != nil {
				return err
			}
			one := source{path.Join(filepath.ToSlash(prefix), filepath.ToSlash(rel)), at, info}
			if !d.IsDir() {
				found.all = append(found.all, one)
				return nil
			}
			within, err := os.ReadDir(at)
			if err == nil && len(within) == 0 && one.path != "." {
				found.empty = append(found.empty, one)
			}
			return err
		})
		if err != nil {
			return none, err
		}
	}
	all := found.all
	slices.SortFunc(all, func(a, b source) int { return strings.Compare(a.path, b.path) })
	for i := 1; i < len(all); i++ {
		if all[i-1].path == all[i].path {
			return none, fmt.Errorf("%s and %s would both be %s", all[i-1].name, all[i].name, all[i].path)
		}
	}
	return found, nil
}

// read reads a part of the file. The error wraps errChanged if the file is not what
// it was when it was found.
func (s *source) read(ctx context.Context, offset, size int64) ([]byte, error) {
	f, err := ctxio.OpenFile(ctx, s.name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, size)
	_, err = io.ReadFull(io.NewSectionReader(f, offset, size), data)
	if changed := unchanged(f, s.info); changed != nil {
		err = changed
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, unwrapPath(err))
	}
	return data, nil
}
