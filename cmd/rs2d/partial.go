package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// partial is a file that is being got, and goes on where it was when it is got again.
type partial struct {
	*os.File
	name string // in the end
}

// partialSuffix is that of a file that is not whole yet.
const partialSuffix = ".rs2d-partial"

// openPartial opens what is there of a file, beside it. Of another blob there may be
// something, too.
func openPartial(name string, id commit.BlobID) (*partial, error) {
	f, err := os.OpenFile(fmt.Sprintf("%s.%x%s", name, id[:4], partialSuffix), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	return &partial{f, name}, nil
}

// finish puts the file in its place once it is whole.
func (p *partial) finish(size int64, mode fs.FileMode) error {
	err := p.Truncate(size)
	if err == nil {
		err = p.Sync()
	}
	if err == nil && mode != 0 {
		err = p.Chmod(mode)
	}
	if err == nil {
		err = os.Rename(p.File.Name(), p.name)
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(p.name))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// longGet gets a blob in pieces, into a file.
type longGet struct {
	*session
	id     commit.BlobID
	length uint64
	output string
	strict bool         // what was read is encoded again
	whole  func() error // gets the blob at once
}

// compareMemory bounds the columns that are kept while a blob is encoded again.
const compareMemory = 64 << 20

// pieceOf returns in pieces of what length a blob of a length is got: about --piece, but
// whole rows of its matrix, which are read whole anyway. It is 0 for a blob that is not long.
func (l *longGet) pieceOf(flag string) (uint64, error) {
	piece, err := parseSize("--piece", flag)
	if err != nil {
		return 0, err
	}
	if piece == 0 || l.length/2 <= piece {
		return 0, nil
	}
	params := l.Code().Params()
	size, err := params.SymbolSize(l.length)
	row := uint64(params.S * size)
	return max(1, piece/row) * row, err
}

// run gets the blob in pieces. One that was interrupted goes on with what it
// has; then, and if the check is strict, the whole is compared with the id.
func (l *longGet) run(piece uint64) error {
	defer frugal()()
	p, err := openPartial(l.output, l.id)
	if err != nil {
		return err
	}
	defer p.Close()
	info, err := p.Stat()
	if err != nil {
		return err
	}
	begin := min(uint64(info.Size())/piece*piece, l.length)
	if err := l.pieces(p, begin, piece); err != nil {
		return err
	}
	if l.strict || begin > 0 {
		same, err := l.compare(p)
		if err != nil {
			return err
		}
		if !same {
			// Either what was there was wrong, or the blob is: reading all of it at once tells.
			return errors.Join(l.whole(), os.Remove(p.File.Name()))
		}
	}
	return p.finish(int64(l.length), 0)
}

// pieces gets the rest of a blob.
func (l *longGet) pieces(p *partial, begin, piece uint64) error {
	var at atomic.Uint64
	at.Store(begin)
	defer l.app.progress.Watch("reading", int64(l.length), func() int64 { return int64(at.Load()) })()
	for begin < l.length {
		n := min(piece, l.length-begin)
		data, err := do(l.session, func(ctx context.Context) ([]byte, error) { return l.ReadRange(ctx, l.id, begin, n) })
		if err != nil {
			return err
		}
		if _, err := p.WriteAt(data, int64(begin)); err != nil {
			return err
		}
		begin += n
		at.Store(begin)
	}
	return p.Truncate(int64(l.length))
}

// compare encodes the file again, and reports whether it has the id.
func (l *longGet) compare(p *partial) (bool, error) {
	id, err := do(l.session, func(ctx context.Context) (commit.BlobID, error) {
		in := &input{name: p.File.Name(), size: int64(l.length), file: p.File}
		var err error
		if in.before, err = p.Stat(); err != nil {
			return commit.BlobID{}, err
		}
		_, id, err := in.encodeTo(ctx, l.Code(), rs2d.Discard, rs2d.MaxMemory(compareMemory), rs2d.Steady())
		return id, err
	})
	return id == l.id, err
}
