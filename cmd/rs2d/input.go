package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/dustin/go-humanize"

	"github.com/redstuff-go/redstuff/cmd/internal/ctxio"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// stdinName is how standard input, or output, is named on the command line.
const stdinName = "-"

// inputFlags say how files are read.
type inputFlags struct {
	StreamAbove string `default:"128MiB" placeholder:"SIZE" help:"Length from which on a file is not read whole but encoded piece by piece, in bounded memory."`
}

// streamAbove parses the flag.
func (f inputFlags) streamAbove() (uint64, error) { return parseSize("--stream-above", f.StreamAbove) }

// parseSize reads the number of bytes given to a flag, such as 32MiB.
func parseSize(flag, text string) (uint64, error) {
	size, err := humanize.ParseBytes(text)
	if err != nil {
		return 0, fmt.Errorf("%s %s: not a number of bytes", flag, text)
	}
	return size, nil
}

// input is a blob to encode: bytes, or, if it is long, a file.
type input struct {
	name  string
	bytes []byte
	size  int64

	file   *os.File    // nil if the blob is in bytes
	before fs.FileInfo // what the file was when it was opened
}

// close closes the file, if there is one.
func (in *input) close() {
	if in.file != nil {
		in.file.Close()
	}
}

// encodeTo encodes the file into a sink. It is an error if the file changes meanwhile:
// then the slivers are of no state that it ever had, and do not fit together.
func (in *input) encodeTo(
	ctx context.Context, code *rs2d.Code, sink rs2d.Sink, opts ...rs2d.StreamOption,
) (*commit.Metadata, commit.BlobID, error) {
	meta, err := code.EncodeTo(ctx, sink, in.file, in.size, opts...)
	if errors.Is(err, rs2d.ErrChanged) {
		err = errChanged
	}
	if changed := unchanged(in.file, in.before); changed != nil && ctx.Err() == nil {
		err = changed // which may be why it could not be read
	}
	if err != nil {
		return nil, commit.BlobID{}, in.named(err)
	}
	hasher, err := commit.NewHasher(meta.Scheme, "")
	if err != nil {
		return nil, commit.BlobID{}, err
	}
	id, err := meta.ID(hasher)
	return meta, id, err
}

// named gives an error of the file's content the file's name.
func (in *input) named(err error) error {
	if errors.Is(err, errChanged) {
		return fmt.Errorf("%s: %w", in.name, err)
	}
	return err
}

// errChanged is returned for a file that is not what it was before.
var errChanged = errors.New("changed while it was read")

// unchanged reports with errChanged whether a file is not what it was before.
func unchanged(f *os.File, before fs.FileInfo) error {
	after, err := f.Stat()
	if err == nil && before.Mode().IsRegular() && (after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime())) {
		err = errChanged
	}
	return err
}

// unchanging reads a file for as long as it does not change.
type unchanging struct{ in *input }

func (u unchanging) ReadAt(data []byte, off int64) (int, error) {
	n, err := u.in.file.ReadAt(data, off)
	if changed := unchanged(u.in.file, u.in.before); changed != nil {
		return 0, changed
	}
	return n, err
}

// open opens a file, or standard input, that a code of the given parameters is to
// hold. What is too long is refused before it is read, if its length is known, or
// else as soon as it has become too long. Regular files longer than streamAbove are
// left to be streamed. All of it ends with ctx.
func (a *app) open(ctx context.Context, name string, params commit.Params, streamAbove uint64) (*input, error) {
	in := &input{name: name}
	if name == stdinName {
		blob, err := a.readLimited(ctx, "standard input", a.stdin, 0, params)
		in.bytes, in.size = blob, int64(len(blob))
		return in, err
	}
	f, err := ctxio.OpenFile(ctx, name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%s is a directory", name)
	case info.Mode().IsRegular() && uint64(info.Size()) > params.MaxBlob():
		err = tooLarge(name, uint64(info.Size()), params)
	case info.Mode().IsRegular() && uint64(info.Size()) > streamAbove:
		in.file, in.size, in.before = f, info.Size(), info
		return in, nil
	}
	if err == nil {
		in.bytes, err = a.readLimited(ctx, name, f, info.Size(), params)
		in.size = int64(len(in.bytes))
	}
	if err == nil {
		err = in.named(unchanged(f, info))
	}
	if ctx.Err() == nil { // or else it may still be being read
		f.Close()
	}
	return in, err
}

// readLimited reads r to its end. expected is a hint of its length.
func (a *app) readLimited(ctx context.Context, name string, r io.Reader, expected int64, params commit.Params) ([]byte, error) {
	bar := a.progress.Bar("reading", expected)
	defer bar.Done()
	return ctxio.Await(ctx, func() ([]byte, error) {
		limit := params.MaxBlob()
		var buf bytes.Buffer
		buf.Grow(int(min(uint64(expected), limit)) + bytes.MinRead)
		chunk := io.LimitedReader{R: r}
		for ctx.Err() == nil {
			chunk.N = readChunk
			n, err := buf.ReadFrom(&chunk)
			bar.Add(int(n))
			switch {
			case err != nil:
				return nil, fmt.Errorf("%s: %w", name, unwrapPath(err))
			case uint64(buf.Len()) > limit:
				return nil, tooLarge(name, 0, params)
			case n < readChunk:
				return buf.Bytes(), nil
			}
		}
		return nil, ctx.Err()
	})
}

// readChunk is how much is read before the limit is looked at again.
const readChunk = 4 << 20

// tooLarge says that a blob does not fit, and how many shards would hold it. A size
// of 0 is one that is not known.
func tooLarge(name string, size uint64, params commit.Params) error {
	limit, length := ui.Bytes(params.MaxBlob()), "it is longer"
	hint := "use more shards"
	if size > 0 {
		has := ui.Bytes(size)
		if has == limit { // to the unit
			limit, has = ui.Count(params.MaxBlob())+" bytes", ui.Count(size)
		}
		length = "it has " + has
		hint = "no number of shards holds it"
		if n := shardsFor(size); n > 0 {
			hint = fmt.Sprintf("%d shards would hold it", n)
		}
	}
	return fmt.Errorf("%s: %d shards hold at most %s, and %s; %s", name, params.N, limit, length, hint)
}

// shardsFor returns the smallest number of shards that hold a blob of size bytes,
// or 0. The capacity drops where one more shard makes f grow, so that there is no
// searching by halves.
func shardsFor(size uint64) int {
	for n := commit.MinShards; n <= commit.MaxShards; n++ {
		if p, err := commit.NewParams(n); err == nil && p.MaxBlob() >= size {
			return n
		}
	}
	return 0
}

// notStandard refuses to take standard output for what is no file: ./- is one of that name.
func notStandard(flag, name, what string) error {
	if name == stdinName {
		return fmt.Errorf("%s -: %s does not go to standard output; ./- is one of that name", flag, what)
	}
	return nil
}

// unwrapPath takes the operation and the name off a file system's error.
func unwrapPath(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
