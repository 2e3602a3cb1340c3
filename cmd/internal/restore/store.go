// Package restore brings blobs and slivers back from a directory that may be
// damaged: which slivers are right, the blob from any of them, and those that were
// lost. It reads no more than it needs, and holds a bounded part of the blob.
package restore

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/redstuff-go/redstuff/cmd/internal/ctxio"
	"github.com/redstuff-go/redstuff/cmd/internal/sliverdir"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/rs2d"
)

// ErrCorrupt is returned when a sliver is not the one the metadata commits to.
var ErrCorrupt = errors.New("corrupt")

// batchBytes is about how many bytes of slivers are verified at a time: many, so
// that all cores and vector lanes have work, and small beside a large blob.
const batchBytes = 64 << 20

// Problem is a sliver that cannot be used, and why: sliverdir.ErrMissing,
// sliverdir.ErrNotRegular, a *sliverdir.LengthError, ErrCorrupt, or what the file
// system said.
type Problem struct {
	Ref rs2d.SliverRef
	Err error
}

// Kind says what is wrong with a sliver.
type Kind int

// Kinds of problems.
const (
	Missing    Kind = iota // there is no file
	Corrupt                // what is there is not the sliver
	Unreadable             // the file system does not let it be read: it may be right
)

// Kind returns what kind of problem it is.
func (p Problem) Kind() Kind {
	var errno syscall.Errno
	switch {
	case errors.Is(p.Err, sliverdir.ErrMissing):
		return Missing
	case errors.As(p.Err, &errno):
		return Unreadable
	}
	return Corrupt
}

// UnreadableError reports that there are too few slivers, and that some were not looked
// at: whether the blob is lost is not known.
type UnreadableError struct {
	Count int    // slivers that could not be read
	First string // the file of the first one
	Why   error  // why it could not be read
	Err   error  // the *rs2d.NotEnoughError, which is not wrapped
}

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("%v; but %d cannot be read: %s: %v", e.Err, e.Count, e.First, e.Why)
}

func (e *UnreadableError) Unwrap() error { return e.Why }

// explain makes an *UnreadableError of an error that says that there are too few
// slivers, if some could not be read.
func (s *Store) explain(err error) error {
	var few *rs2d.NotEnoughError
	if !errors.As(err, &few) {
		return err
	}
	var unreadable *UnreadableError
	for _, p := range s.Problems() {
		if p.Kind() != Unreadable {
			continue
		}
		if unreadable == nil {
			unreadable = &UnreadableError{First: s.File(p.Ref), Why: p.Err, Err: err}
		}
		unreadable.Count++
	}
	if unreadable == nil {
		return err
	}
	return unreadable
}

// Store is a directory and the code that its slivers are of. It remembers which
// slivers it found unusable. It is not safe for concurrent use.
type Store struct {
	*sliverdir.Dir
	Code     *rs2d.Code
	progress *ui.Progress
	problems map[rs2d.SliverRef]error
}

// Open opens a directory, and looks which of its sliver files have the right
// length. Its errors are those of sliverdir.Open and rs2d.New.
func Open(path string, progress *ui.Progress) (*Store, error) {
	dir, err := sliverdir.Open(path)
	if err != nil {
		return nil, err
	}
	code, err := rs2d.New(dir.Params().N, rs2d.WithScheme(dir.Meta().Scheme))
	if err != nil {
		dir.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s := &Store{Dir: dir, Code: code, progress: progress, problems: map[rs2d.SliverRef]error{}}
	for _, axis := range axes {
		for _, ref := range dir.Refs(axis) {
			if err := dir.Check(ref); err != nil {
				s.problems[ref] = err
			}
		}
	}
	return s, nil
}

var axes = [...]rs2d.Axis{rs2d.Primary, rs2d.Secondary}

// Problems lists the slivers found unusable so far, by pair.
func (s *Store) Problems() []Problem {
	var list []Problem
	n := s.Params().N
	for p := range n {
		primary, secondary := rs2d.PairSlivers(p, n)
		for _, ref := range []rs2d.SliverRef{primary, secondary} {
			if err := s.problems[ref]; err != nil {
				list = append(list, Problem{ref, err})
			}
		}
	}
	return list
}

// usable lists the slivers of the axis that nothing is known against.
func (s *Store) usable(axis rs2d.Axis) []rs2d.SliverRef {
	var refs []rs2d.SliverRef
	for _, ref := range s.Refs(axis) {
		if s.problems[ref] == nil {
			refs = append(refs, ref)
		}
	}
	return refs
}

// quorum reports whether the axis has slivers enough to rebuild the other one from.
func (s *Store) quorum(axis rs2d.Axis) bool { return len(s.usable(axis)) >= s.Need(axis) }

// batch returns how many slivers of the axis are verified at a time.
func (s *Store) batch(axis rs2d.Axis) int {
	return int(min(max(batchBytes/s.SliverSize(axis), 4), 1024))
}

// load reads slivers, and remembers which cannot be read.
func (s *Store) load(ctx context.Context, refs []rs2d.SliverRef, bar *ui.Bar) ([]rs2d.Sliver, error) {
	slivers := make([]rs2d.Sliver, 0, len(refs))
	for _, ref := range refs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		sliver, err := s.Read(ref)
		if err != nil {
			s.problems[ref] = err
			continue
		}
		bar.Add(len(sliver.Data))
		slivers = append(slivers, sliver)
	}
	return slivers, nil
}

// verify returns those of the slivers that are right, and remembers the others.
func (s *Store) verify(ctx context.Context, slivers []rs2d.Sliver) ([]rs2d.Sliver, error) {
	// The bar of those who read the slivers shows how far the work is.
	errs, err := ctxio.Await(ctx, func() ([]error, error) {
		return s.Code.VerifySlivers(s.Meta(), slivers), nil
	})
	if err != nil {
		return nil, err
	}
	good := slivers[:0]
	for i, sliver := range slivers {
		if errs[i] != nil {
			s.problems[sliver.SliverRef] = ErrCorrupt
			continue
		}
		good = append(good, sliver)
	}
	return good, nil
}

// Verify checks every sliver against the metadata. What it finds, Problems tells.
func (s *Store) Verify(ctx context.Context) error {
	refs := map[rs2d.Axis][]rs2d.SliverRef{}
	total := int64(0)
	for _, axis := range axes {
		refs[axis] = s.usable(axis)
		total += int64(len(refs[axis])) * s.SliverSize(axis)
	}
	bar := s.progress.Bar("verifying", total)
	defer bar.Done()
	for _, axis := range axes {
		if _, err := s.collect(ctx, refs[axis], 0, bar); err != nil {
			return err
		}
	}
	return nil
}

// collect reads slivers of one axis until it has the wanted number of right ones. For none
// wanted it goes through all and keeps none.
func (s *Store) collect(ctx context.Context, refs []rs2d.SliverRef, want int, bar *ui.Bar) ([]rs2d.Sliver, error) {
	var got []rs2d.Sliver
	for len(refs) > 0 && (want == 0 || len(got) < want) {
		count := min(s.batch(refs[0].Axis), len(refs))
		if want > 0 {
			count = min(count, want-len(got))
		}
		slivers, err := s.load(ctx, refs[:count], bar)
		if err == nil {
			slivers, err = s.verify(ctx, slivers)
		}
		if err != nil {
			return nil, err
		}
		refs = refs[count:]
		if want > 0 {
			got = append(got, slivers...)
		}
	}
	return got, nil
}

// Repair verifies every sliver and rebuilds those that are missing or corrupt, each
// from one symbol of each of just enough slivers of the other axis. If neither axis
// has enough, it decodes the blob from all there is, and encodes it again; then its
// errors are those of rs2d.Code.Decode, or an *UnreadableError.
//
// One that cannot be written, because of what has its name, does not keep the others
// from being rebuilt.
//
// A quorum of either axis rebuilds the other one whole, which then rebuilds the
// first.
func (s *Store) Repair(ctx context.Context) (*Repaired, error) {
	r := &repair{store: s, failed: map[rs2d.SliverRef]error{}}
	if err := r.run(ctx); err != nil {
		return nil, err
	}
	return &r.Repaired, nil
}
