package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/dustin/go-humanize"

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
	bytes []byte
	file  *os.File // nil if the blob is in bytes
	size  int64
}

// close closes the file, if there is one.
func (in *input) close() {
	if in.file != nil {
		in.file.Close()
	}
}

// encodeTo encodes the file into a sink.
func (in *input) encodeTo(ctx context.Context, code *rs2d.Code, sink rs2d.Sink) (*commit.Metadata, commit.BlobID, error) {
	meta, err := code.EncodeTo(ctx, sink, in.file, in.size)
	if err != nil {
		return nil, commit.BlobID{}, err
	}
	hasher, err := commit.NewHasher(meta.Scheme, "")
	if err != nil {
		return nil, commit.BlobID{}, err
	}
	id, err := meta.ID(hasher)
	return meta, id, err
}

// open opens a file, or standard input, that a code of the given parameters is to
// hold. What is too long is refused before it is read, if its length is known, or
// else as soon as it has become too long. Regular files longer than streamAbove are
// left to be streamed.
func (a *app) open(name string, params commit.Params, streamAbove uint64) (*input, error) {
	if name == stdinName {
		blob, err := a.readLimited("standard input", a.stdin, 0, params)
		return &input{bytes: blob, size: int64(len(blob))}, err
	}
	f, err := os.Open(name)
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
		return &input{file: f, size: info.Size()}, nil
	}
	defer f.Close()
	if err != nil {
		return nil, err
	}
	blob, err := a.readLimited(name, f, info.Size(), params)
	return &input{bytes: blob, size: int64(len(blob))}, err
}

// readLimited reads r to its end. expected is a hint of its length.
func (a *app) readLimited(name string, r io.Reader, expected int64, params commit.Params) ([]byte, error) {
	limit := params.MaxBlob()
	bar := a.progress.Bar("reading", max(expected, 1))
	defer bar.Done()
	var buf bytes.Buffer
	buf.Grow(int(expected) + bytes.MinRead)
	chunk := io.LimitedReader{R: r}
	for {
		if err := a.ctx.Err(); err != nil {
			return nil, err
		}
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
}

// readChunk is how much is read before the limit, and the user's patience, are
// looked at again.
const readChunk = 16 << 20

// tooLarge says that a blob does not fit, and how many shards would hold it. A size
// of 0 is one that is not known.
func tooLarge(name string, size uint64, params commit.Params) error {
	length := "it is longer"
	hint := "use more shards"
	if size > 0 {
		length = "it has " + ui.Bytes(size)
		hint = "no number of shards holds it"
		if n := shardsFor(size); n > 0 {
			hint = fmt.Sprintf("%d shards would hold it", n)
		}
	}
	return fmt.Errorf("%s: %d shards hold at most %s, and %s; %s",
		name, params.N, ui.Bytes(params.MaxBlob()), length, hint)
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

// unwrapPath takes the operation and the name off a file system's error.
func unwrapPath(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
