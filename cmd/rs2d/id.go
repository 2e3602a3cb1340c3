package main

import (
	"fmt"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

type idCmd struct {
	codeFlags
	inputFlags
	Files []string `arg:"" name:"file" help:"Files to identify; - is standard input."`
}

func (c *idCmd) Help() string {
	return `A blob id depends on the content, the scheme and the number of shards. Nothing is written.
Files that cannot be read are named on standard error, the others are done, and the exit code is 1.

Example: rs2d id --scheme walrus --shards 1000 photo.jpg`
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
	failed := 0
	for _, name := range c.Files {
		id, err := identify(a, code, name, streamAbove)
		if err != nil {
			if a.ctx.Err() != nil {
				return a.ctx.Err()
			}
			if len(c.Files) == 1 {
				return cli.AsFound(err)
			}
			fmt.Fprintln(a.stderr, cli.OneLine("rs2d", err))
			failed++
			continue
		}
		fmt.Fprintf(a.stdout, "%v  %s\n", id, name)
	}
	if failed > 0 {
		return found("%d of %d files could not be read", failed, len(c.Files))
	}
	return nil
}

// identify returns the blob id of one file.
func identify(a *app, code *rs2d.Code, name string, streamAbove uint64) (commit.BlobID, error) {
	in, err := a.open(name, code.Params(), streamAbove)
	if err != nil {
		return commit.BlobID{}, err
	}
	defer in.close()
	return ui.Wait(a.ctx, a.progress, "hashing", func() (commit.BlobID, error) {
		if in.file == nil {
			return code.ID(in.bytes)
		}
		_, id, err := in.encodeTo(a.ctx, code, nowhere{})
		return id, err
	})
}

// nowhere is where slivers go that only their hashes are wanted of.
type nowhere struct{}

func (nowhere) WriteSliverAt(rs2d.SliverRef, []byte, int64) error { return nil }
