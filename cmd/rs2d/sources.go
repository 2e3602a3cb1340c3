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

// sources finds the files that are named, and if recursive is set those in directories that
// are: sorted by their paths, which are relative to the directory if there is one only. What
// is no regular file there is skipped.
func sources(ctx context.Context, names []string, recursive bool) (all []source, skipped []string, err error) {
	add := func(path, name string, info fs.FileInfo) {
		all = append(all, source{filepath.ToSlash(path), name, info})
	}
	for _, name := range names {
		info, err := os.Stat(name)
		switch {
		case err != nil:
			return nil, nil, err
		case info.Mode().IsRegular():
			add(filepath.Base(name), name, info)
			continue
		case !info.IsDir():
			return nil, nil, fmt.Errorf("%s: is no regular file, which it takes to store several", name)
		case !recursive:
			return nil, nil, fmt.Errorf("%s is a directory: --recursive stores what is in it", name)
		}
		prefix := ""
		if len(names) > 1 {
			whole, err := filepath.Abs(name)
			if err != nil {
				return nil, nil, err
			}
			prefix = filepath.Base(whole)
		}
		err = filepath.WalkDir(name, func(at string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case ctx.Err() != nil:
				return ctx.Err()
			case d.IsDir():
				return nil
			case !d.Type().IsRegular():
				skipped = append(skipped, at)
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
			add(path.Join(filepath.ToSlash(prefix), filepath.ToSlash(rel)), at, info)
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	slices.SortFunc(all, func(a, b source) int { return strings.Compare(a.path, b.path) })
	for i := range all[1:] {
		if all[i].path == all[i+1].path {
			return nil, nil, fmt.Errorf("%s and %s would both be %s", all[i].name, all[i+1].name, all[i].path)
		}
	}
	return all, skipped, nil
}

// read reads a part of the file. The error wraps steady.ErrChanged if the file is not what
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
