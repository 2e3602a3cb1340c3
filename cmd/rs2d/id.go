package main

import (
	"fmt"
	"io"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

type idCmd struct {
	codeFlags
	inputFlags
	jsonFlag
	Files []string `arg:"" name:"file" help:"Files to identify; - is standard input."`
}

func (c *idCmd) Help() string {
	return `A blob id depends on the content, the scheme and the number of shards. Nothing is written.
Files that cannot be read, or change while they are, are named on standard error, the others are done, and the exit code is 2.

A name with a line break or a backslash is escaped as sha256sum does: \n, \r, \\, and the line begins with a backslash.

Example: rs2d id --scheme walrus --shards 1000 photo.jpg

JSON: scheme, shards, files: a list of file, file_base64 (if the name is not UTF-8), and id and length, or error.`
}

// idReport is what id prints as JSON.
type idReport struct {
	Scheme string   `json:"scheme"`
	Shards int      `json:"shards"`
	Files  []idFile `json:"files"`
}

type idFile struct {
	cli.FileName
	ID     string `json:"id,omitempty"`
	Length *int64 `json:"length,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Run prints a line for every file, as sha256sum does.
func (c *idCmd) Run(a *app) error {
	code, err := c.code()
	if err != nil {
		return err
	}
	streamAbove, err := c.streamAbove()
	if err != nil {
		return err
	}
	r := idReport{Scheme: c.Scheme.String(), Shards: c.Shards, Files: []idFile{}}
	var failed error
	failures := 0
	for _, name := range c.Files {
		id, length, err := identify(a, code, name, streamAbove)
		if a.ctx.Err() != nil {
			return a.ctx.Err()
		}
		file := idFile{FileName: cli.NewFileName(name)}
		if err != nil {
			file.Error = err.Error()
			failed = err
			if failures++; len(c.Files) > 1 {
				fmt.Fprintln(a.stderr, cli.OneLine("rs2d", err))
			}
		} else {
			file.ID, file.Length = id.String(), &length
			if !c.JSON {
				io.WriteString(a.stdout, cli.SumLine(file.ID, name))
			}
		}
		if err := a.stdout.Err(); err != nil {
			return err
		}
		r.Files = append(r.Files, file)
	}
	if c.JSON {
		if err := cli.WriteJSON(a.stdout, r); err != nil {
			return err
		}
	}
	if failures > 0 && len(c.Files) > 1 {
		return fmt.Errorf("%d of %d files could not be read", failures, len(c.Files))
	}
	return failed
}

// identify returns the blob id and the length of one file.
func identify(a *app, code *rs2d.Code, name string, streamAbove uint64) (commit.BlobID, int64, error) {
	in, err := a.open(a.ctx, name, code.Params(), streamAbove)
	if err != nil {
		return commit.BlobID{}, 0, err
	}
	if in.file == nil {
		id, err := ui.Wait(a.ctx, a.progress, "hashing", func() (commit.BlobID, error) { return code.ID(in.bytes) })
		return id, in.size, err
	}
	defer in.close()
	total, err := sliverBytes(code.Params(), in.size)
	if err != nil {
		return commit.BlobID{}, 0, err
	}
	bar := a.progress.Bar("hashing", total)
	defer bar.Done()
	told := int64(0)
	_, id, err := in.encodeTo(a.ctx, code, rs2d.Discard, rs2d.Progress(func(done, _ int64) {
		bar.Add(int(done - told))
		told = done
	}))
	return id, in.size, err
}
