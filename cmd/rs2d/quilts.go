package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/manifest"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/quilt"
)

// target is what a command reads: a blob, or a patch of a quilt.
type target struct {
	blob  commit.BlobID
	patch *quilt.PatchID
}

// UnmarshalText reads an id.
func (t *target) UnmarshalText(text []byte) (err error) {
	if patch, failed := quilt.ParsePatchID(string(text)); failed == nil {
		t.patch = &patch
		return nil
	}
	t.blob, err = commit.ParseBlobID(string(text))
	return err
}

func (t target) String() string {
	if t.patch != nil {
		return t.patch.String()
	}
	return t.blob.String()
}

// blobArg is an argument that is the id of a blob, and not that of a file in a quilt.
type blobArg struct{ commit.BlobID }

// UnmarshalText reads an id.
func (b *blobArg) UnmarshalText(text []byte) (err error) {
	if patch, failed := quilt.ParsePatchID(string(text)); failed == nil {
		return fmt.Errorf("%s is a file of the quilt %v, whose id is needed here", text, patch.Quilt)
	}
	b.BlobID, err = commit.ParseBlobID(string(text))
	return err
}

// quiltOrBlob returns the blob that it takes to read the target.
func (t target) quiltOrBlob() commit.BlobID {
	if t.patch != nil {
		return t.patch.Quilt
	}
	return t.blob
}

// openQuilt returns a reader of a blob of a length, of which it reads columns.
func openQuilt(s *session, id commit.BlobID, length uint64) (*quilt.Reader, error) {
	r, err := quilt.NewReader(s.Code().Params(), length, func(ctx context.Context, from, to int) ([]byte, error) {
		return s.ReadColumns(ctx, id, from, to)
	})
	return r, asFound(err)
}

// asFound gives what tells of a blob's content the exit code 1.
func asFound(err error) error {
	for _, news := range []error{quilt.ErrNotQuilt, quilt.ErrMalformed, quilt.ErrNotFound, manifest.ErrMalformed} {
		if errors.Is(err, news) {
			return found("%w", err)
		}
	}
	return err
}

// getPatch reads a file of a quilt.
func getPatch(c *getCmd, cl *session, length uint64) (*gotten, error) {
	r, err := openQuilt(cl, c.ID.quiltOrBlob(), length)
	if err != nil {
		return nil, err
	}
	f, err := do(cl, func(ctx context.Context) (*quilt.File, error) {
		if c.ID.patch != nil {
			return r.Read(ctx, int(c.ID.patch.Start), int(c.ID.patch.End))
		}
		p, err := r.Find(ctx, c.File)
		if err != nil {
			return nil, err
		}
		return r.Read(ctx, p.Start, p.End)
	})
	if err != nil {
		return nil, asFound(err)
	}
	return &gotten{data: f.Data, blob: length, identifier: f.Identifier, tags: f.Tags}, nil
}

// quiltReport is what ls --quilt prints as JSON.
type quiltReport struct {
	ID      string    `json:"id"`
	Patches []lsPatch `json:"patches"`
}

type lsPatch struct {
	Identifier string            `json:"identifier"`
	ID         string            `json:"id"`
	Tags       map[string]string `json:"tags,omitempty"`
}

// listQuilt prints what is in a quilt.
func (c *lsCmd) listQuilt(a *app, cl *session) error {
	patches, err := within(cl, "asking", func(ctx context.Context) ([]quilt.Patch, error) {
		meta, err := cl.Metadata(ctx, c.ID.BlobID)
		if err != nil {
			return nil, err
		}
		r, err := openQuilt(cl, c.ID.BlobID, meta.Length)
		if err != nil {
			return nil, err
		}
		return r.Patches(ctx)
	})
	if err != nil {
		return fmt.Errorf("%v: %w", c.ID, asFound(err))
	}
	r := quiltReport{c.ID.String(), make([]lsPatch, len(patches))}
	for i, p := range patches {
		r.Patches[i] = lsPatch{p.Identifier, p.ID(c.ID.BlobID).String(), p.Tags}
	}
	return c.report(a, r, func(w io.Writer) error {
		t := ui.NewTable(w)
		for _, p := range r.Patches {
			t.Row(p.ID, p.Identifier)
		}
		return t.Flush()
	})
}

// listAny prints what is in a quilt or in a manifest, whichever the blob is.
func (c *lsCmd) listAny(a *app, cl *session) error {
	begins, err := within(cl, "asking", func(ctx context.Context) (string, error) {
		meta, err := cl.Metadata(ctx, c.ID.BlobID)
		if err != nil {
			return "", err
		}
		data, err := cl.ReadRange(ctx, c.ID.BlobID, 0, min(meta.Length, uint64(len(manifest.Head))))
		return string(data), err
	})
	if err != nil {
		return fmt.Errorf("%v: %w", c.ID, err)
	}
	if begins == manifest.Head {
		return c.listManifest(a, cl)
	}
	err = c.listQuilt(a, cl)
	if errors.Is(err, quilt.ErrNotQuilt) {
		return found("%v is neither a quilt nor a manifest: rs2d get reads it", c.ID)
	}
	return err
}

// manifestReport is what ls --recursive prints as JSON.
type manifestReport struct {
	ID    string   `json:"id"`
	Files []lsFile `json:"files"`
}

type lsFile struct {
	Path   string   `json:"path"`
	Length uint64   `json:"length"`
	Mode   string   `json:"mode"`
	Parts  []string `json:"parts"`
}

// listManifest prints what a manifest lists.
func (c *lsCmd) listManifest(a *app, cl *session) error {
	m, err := manifestOf(cl.ctx, cl, c.ID.BlobID)
	if err != nil {
		return err
	}
	r := manifestReport{c.ID.String(), make([]lsFile, len(m.Files))}
	for i, f := range m.Files {
		r.Files[i] = lsFile{f.Path, f.Size, fmt.Sprintf("%04o", f.Mode&^manifest.DirMode), []string{}}
		if f.IsDir() {
			r.Files[i].Path += "/"
		}
		for _, p := range f.Parts {
			r.Files[i].Parts = append(r.Files[i].Parts, p.ID())
		}
	}
	return c.report(a, r, func(w io.Writer) error {
		t := ui.NewTable(w)
		for _, f := range r.Files {
			id := ""
			if len(f.Parts) > 0 {
				id = f.Parts[0]
			}
			if len(f.Parts) > 1 {
				id += fmt.Sprintf(" and %d more", len(f.Parts)-1)
			}
			t.Row(f.Mode, ui.Count(f.Length), cli.Shown(f.Path), id)
		}
		return t.Flush()
	})
}
