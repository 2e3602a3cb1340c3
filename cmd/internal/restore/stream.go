package restore

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// File is where a blob goes that is not held in memory: what was written is read again.
type File interface {
	io.ReaderAt
	io.WriterAt
}

// DecodeTo is Decode for blobs larger than memory: it writes the blob to out, row by
// row, and rebuilds rows that are missing from the secondary slivers' symbols. It holds
// some 128 MiB besides what rs2d.Code.EncodeTo takes for a strict check. After an error
// what is in out is of no use.
//
// Where the secondary slivers are too few for that, the whole blob is decoded in memory.
// It may succeed where Decode does not: rows past the blob's end are not needed.
func (s *Store) DecodeTo(ctx context.Context, out File, check rs2d.Check) error {
	err := s.copyRows(ctx, out, check == rs2d.CheckSystematic)
	if err == nil && check == rs2d.CheckStrict {
		err = s.sameID(ctx, out)
	}
	if errors.Is(err, errOtherID) {
		// Some slivers are wrong. Those that are right are enough if they are rows.
		if err = s.copyRows(ctx, out, true); err == nil {
			err = s.sameID(ctx, out)
		}
	}
	if !errors.Is(err, errTooFew) && !errors.Is(err, errOtherID) {
		return err
	}
	blob, err := s.Decode(ctx, check)
	if err == nil {
		_, err = out.WriteAt(blob, 0)
	}
	return err
}

// copyRows writes the primary slivers that hold the blob to out, each verified if that
// is asked for. The error is errTooFew if some are missing and cannot be rebuilt.
func (s *Store) copyRows(ctx context.Context, out File, verify bool) error {
	length := s.Meta().Length
	refs, err := rs2d.RangeSlivers(s.Meta(), 0, length)
	if err != nil {
		return err
	}
	bar := s.progress.Bar("decoding", int64(length))
	defer bar.Done()
	write := func(sliver rs2d.Sliver) error {
		row := int64(len(sliver.Data))
		off := int64(sliver.Index) * row
		data := sliver.Data[:min(row, int64(length)-off)]
		_, err := out.WriteAt(data, off)
		bar.Add(len(data))
		return err
	}
	silent := s.progress.Silent()
	missing := refs[:0:0]
	for group := range slices.Chunk(refs, s.batch(rs2d.Primary)) {
		usable := slices.DeleteFunc(slices.Clone(group), func(ref rs2d.SliverRef) bool { return s.problems[ref] != nil })
		slivers, err := s.load(ctx, usable, silent)
		if err == nil && verify {
			slivers, err = s.verify(ctx, slivers)
		}
		if err == nil {
			err = parallel(ctx, len(slivers), func(i int) error { return write(slivers[i]) })
		}
		if err != nil {
			return err
		}
		for _, ref := range group {
			if s.problems[ref] != nil {
				missing = append(missing, ref)
			}
		}
	}
	return s.recoverRows(ctx, missing, write)
}

// recoverRows rebuilds primary slivers and calls write for each. The error is errTooFew if
// symbols of right slivers do not suffice, or make no right one.
func (s *Store) recoverRows(ctx context.Context, refs []rs2d.SliverRef, write func(rs2d.Sliver) error) error {
	size := int(max(groupBytes/s.SliverSize(rs2d.Primary), 1))
	verified := false
	for group := range slices.Chunk(refs, size) {
		recovered, err := s.recoverGroup(ctx, group)
		if err != nil && ctx.Err() == nil && !errors.Is(err, errTooFew) && !verified {
			// A helper lied. Find out which, and do without.
			verified = true
			helpers := s.usable(rs2d.Secondary)
			bar := s.progress.Bar("verifying", int64(len(helpers))*s.SliverSize(rs2d.Secondary))
			_, err = s.collect(ctx, helpers, 0, true, bar)
			bar.Done()
			if err == nil {
				recovered, err = s.recoverGroup(ctx, group)
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return errTooFew
		}
		for _, sliver := range recovered {
			if err := write(sliver); err != nil {
				return err
			}
		}
	}
	return nil
}

// recoverGroup rebuilds some primary slivers from the first secondary ones. Each that it
// returns is right.
func (s *Store) recoverGroup(ctx context.Context, refs []rs2d.SliverRef) ([]rs2d.Sliver, error) {
	if !s.quorum(rs2d.Secondary) {
		return nil, errTooFew
	}
	wanted := make([]int, len(refs))
	for i, ref := range refs {
		wanted[i] = ref.Index
	}
	symbols, err := s.intersections(ctx, rs2d.Primary, wanted, s.usable(rs2d.Secondary)[:s.Need(rs2d.Secondary)])
	if err != nil {
		return nil, err
	}
	slivers := make([]rs2d.Sliver, len(refs))
	err = parallel(ctx, len(refs), func(i int) (err error) {
		slivers[i], err = s.Code.Recover(s.Meta(), refs[i], symbols[i])
		return err
	})
	return slivers, err
}

// errOtherID: what was decoded is not the blob.
var errOtherID = errors.New("another blob id")

// sameID encodes out again and compares its blob id.
func (s *Store) sameID(ctx context.Context, out File) error {
	p := s.Params()
	bar := s.progress.Bar("checking", int64(p.N)*(s.SliverSize(rs2d.Primary)+s.SliverSize(rs2d.Secondary)))
	defer bar.Done()
	meta, err := s.Code.EncodeTo(ctx, counter(func(n int) { bar.Add(n) }), out, int64(s.Meta().Length))
	if err != nil {
		return err
	}
	hasher, err := commit.NewHasher(meta.Scheme, "")
	if err != nil {
		return err
	}
	id, err := meta.ID(hasher)
	if err == nil && id != s.ID() {
		err = errOtherID
	}
	return err
}

// counter is a sink that only counts.
type counter func(int)

func (c counter) WriteSliverAt(_ rs2d.SliverRef, data []byte, _ int64) error {
	c(len(data))
	return nil
}
