package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/redstuff-go/redstuff/cmd/internal/atomicfile"
	"github.com/redstuff-go/redstuff/cmd/internal/manifest"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/quilt"
)

// treeGot is what get --recursive prints as JSON.
type treeGot struct {
	ID            string  `json:"id"`
	Files         int     `json:"files"`
	Kept          int     `json:"kept"` // they were there
	Length        uint64  `json:"length"`
	Seconds       float64 `json:"seconds"`
	MBPerSecond   float64 `json:"mb_per_second"`
	ReceivedBytes int64   `json:"received_bytes"`
}

// manifestOf reads the list of files that a blob is.
func manifestOf(ctx context.Context, s *session, id commit.BlobID) (*manifest.Manifest, error) {
	data, err := readBlob(ctx, s, id)
	if err != nil {
		return nil, err
	}
	m, err := manifest.Parse(data)
	if err != nil {
		return nil, asFound(fmt.Errorf("%v: %w", id, err))
	}
	return m, nil
}

// readBlob reads a blob, for which there is the command's time.
func readBlob(ctx context.Context, s *session, id commit.BlobID) ([]byte, error) {
	one, end := s.each(ctx)
	defer end()
	data, err := do(one, func(ctx context.Context) ([]byte, error) { return one.Read(ctx, id) })
	if err != nil {
		return nil, fmt.Errorf("%v: %w", id, err)
	}
	return data, nil
}

// getTree writes the files of a manifest below a directory. What is there already, by its
// ids, is not read again.
func getTree(c *getCmd, a *app, cl *session) error {
	switch {
	case c.Output == stdinName:
		return errors.New("--recursive writes several files: -o DIR is needed")
	case c.ID.patch != nil, c.Range != "", c.File != "":
		return errors.New("--recursive takes the id of a manifest, and neither --range nor --file")
	}
	if c.Jobs < 1 {
		return errors.New("--jobs: must be more than zero")
	}
	cl.unlimited()
	start := time.Now()
	m, err := manifestOf(cl.ctx, cl, c.ID.blob)
	if err != nil {
		return err
	}
	t := &download{session: cl, dir: c.Output, jobs: c.Jobs, report: treeGot{ID: c.ID.String(), Files: len(m.Files)}}
	for _, f := range m.Files {
		t.report.Length += f.Size
		if f.IsDir() {
			t.report.Files--
		}
	}
	before := cl.ByteCounters().Received.Load()
	stop := a.progress.Watch("reading", int64(min(t.report.Length, 1<<62)), func() int64 { return cl.ByteCounters().Received.Load() - before })
	if err = os.MkdirAll(t.dir, 0o777); err == nil { // also where the manifest lists nothing
		err = t.run(m)
	}
	stop()
	if err != nil {
		return err
	}
	took, r := time.Since(start), &t.report
	r.Seconds, r.MBPerSecond, r.ReceivedBytes = took.Seconds(), ui.MBps(int64(r.Length), took), cl.ByteCounters().Received.Load()
	return c.report(a, r, func(io.Writer) error {
		fmt.Fprintf(a.stderr, "%s, %s, read in %s (%s); %s were there\n",
			ui.Several(r.Files, "file"), ui.Bytes(r.Length), ui.Duration(took), ui.Rate(int64(r.Length), took), ui.Count(r.Kept))
		return nil
	})
}

// download writes files below a directory.
type download struct {
	*session
	dir    string
	jobs   int
	report treeGot
	kept   atomic.Int64 // files that were there
}

// run writes the files, some at once: most of the time goes into waiting for the disk.
func (t *download) run(m *manifest.Manifest) error {
	group, ctx := errgroup.WithContext(t.ctx)
	group.SetLimit(t.jobs)
	begin := func(f func(context.Context) error) {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return f(ctx)
		})
	}
	quilts := make(map[commit.BlobID][]*manifest.File)
	for i := range m.Files {
		f := &m.Files[i]
		if f.IsDir() {
			begin(func(context.Context) error { return t.makeDir(f) })
			continue
		}
		if len(f.Parts) == 1 && f.Parts[0].Patch != nil {
			quilts[f.Parts[0].Patch.Quilt] = append(quilts[f.Parts[0].Patch.Quilt], f)
			continue
		}
		begin(func(ctx context.Context) error { return t.file(ctx, f) })
	}
	for _, id := range m.Blobs() {
		if files := quilts[id]; files != nil {
			begin(func(ctx context.Context) error { return t.quilt(ctx, id, files) })
		}
	}
	err := group.Wait()
	t.report.Kept = int(t.kept.Load())
	return err
}

// place makes the directory of a file, and returns where it is to be.
func (t *download) place(f *manifest.File) (string, error) {
	name := filepath.Join(t.dir, filepath.FromSlash(f.Path))
	return name, os.MkdirAll(filepath.Dir(name), 0o777)
}

// makeDir makes a directory that is to be, if it is not there.
func (t *download) makeDir(f *manifest.File) error {
	name, err := t.place(f)
	if err != nil {
		return err
	}
	err = os.Mkdir(name, fs.FileMode(f.Mode&^manifest.DirMode))
	if info, failed := os.Stat(name); errors.Is(err, fs.ErrExist) && failed == nil && info.IsDir() {
		return nil
	}
	return err
}

// quilt writes the files that are in a quilt.
func (t *download) quilt(ctx context.Context, id commit.BlobID, files []*manifest.File) error {
	blob, err := readBlob(ctx, t.session, id)
	if err != nil {
		return err
	}
	params := t.Code().Params()
	r, err := quilt.NewReader(params, uint64(len(blob)), quilt.ColumnsOf(params, blob))
	if err != nil {
		return fmt.Errorf("%v: %w", id, err)
	}
	for _, f := range files {
		patch := f.Parts[0].Patch
		got, err := r.Read(ctx, int(patch.Start), int(patch.End))
		if err == nil && uint64(len(got.Data)) != f.Size {
			err = fmt.Errorf("%w: %d bytes instead of %d", quilt.ErrMalformed, len(got.Data), f.Size)
		}
		if err != nil {
			return asFound(fmt.Errorf("%v: %s: %w", patch, f.Path, err))
		}
		name, err := t.place(f)
		if err != nil {
			return err
		}
		if err := t.write(ctx, name, f, got.Data); err != nil {
			return err
		}
	}
	return nil
}

func (t *download) write(ctx context.Context, name string, f *manifest.File, data []byte) error {
	if err := closedPipe(atomicfile.WriteFile(ctx, name, data)); err != nil {
		return err
	}
	return os.Chmod(name, fs.FileMode(f.Mode))
}

// file writes a file that is blobs, unless it is there. Of several, those that an earlier
// run has got are kept.
func (t *download) file(ctx context.Context, f *manifest.File) error {
	name, err := t.place(f)
	if err != nil {
		return err
	}
	there, err := t.there(name, f)
	if err != nil {
		return err
	}
	if there {
		t.kept.Add(1)
		return nil
	}
	if len(f.Parts) == 0 {
		return t.write(ctx, name, f, nil)
	}
	if len(f.Parts) == 1 {
		data, err := t.part(ctx, f, 0)
		if err != nil {
			return err
		}
		return t.write(ctx, name, f, data)
	}
	p, err := openPartial(name, f.Parts[0].Blob)
	if err != nil {
		return err
	}
	defer p.Close()
	offset := int64(0)
	for i, part := range f.Parts {
		ok, err := t.same(p.File, offset, part)
		if err != nil {
			return err
		}
		if !ok {
			data, err := t.part(ctx, f, i)
			if err == nil {
				_, err = p.WriteAt(data, offset)
			}
			if err != nil {
				return err
			}
		}
		offset += int64(part.Size)
	}
	return p.finish(int64(f.Size), fs.FileMode(f.Mode))
}

// part reads a part of a file.
func (t *download) part(ctx context.Context, f *manifest.File, i int) ([]byte, error) {
	part := f.Parts[i]
	if part.Patch != nil {
		return nil, fmt.Errorf("%w: %s is a patch and more", manifest.ErrMalformed, f.Path)
	}
	data, err := readBlob(ctx, t.session, part.Blob)
	if err == nil && uint64(len(data)) != part.Size {
		err = fmt.Errorf("%w: %s: %v has %d bytes instead of %d", manifest.ErrMalformed, f.Path, part.Blob, len(data), part.Size)
	}
	return data, err
}

// there reports whether a file is what it is to be.
func (t *download) there(name string, f *manifest.File) (bool, error) {
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || uint64(info.Size()) != f.Size {
		return false, err
	}
	offset := int64(0)
	for _, part := range f.Parts {
		if ok, err := t.same(file, offset, part); err != nil || !ok {
			return false, err
		}
		offset += int64(part.Size)
	}
	return true, nil
}

// same reports whether bytes of a file are those of a blob, by its id.
func (t *download) same(file *os.File, offset int64, part manifest.Part) (bool, error) {
	info, err := file.Stat()
	if err != nil || part.Patch != nil || info.Size() < offset+int64(part.Size) || part.Size > t.Code().Params().MaxBlob() {
		return false, err
	}
	data := make([]byte, part.Size)
	if _, err := file.ReadAt(data, offset); err != nil {
		return false, err
	}
	id, err := t.Code().ID(data)
	return id == part.Blob, err
}
