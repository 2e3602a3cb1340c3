package store

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
)

// stage is an update of one blob that comes in pieces. Large slivers go to a temporary
// file as they come, small ones stay in memory.
type stage struct {
	*core
	id      commit.BlobID
	staged  []stagedSliver
	index   map[Ref]int // of staged
	file    uint64      // number of the temporary file; 0 if there is none
	size    int64       // of the file
	waiting int64       // bytes of the file that nobody has waited for the disk to have
	held    int64       // bytes in memory
	err     error       // why it can no longer be applied
}

// stagedSliver is a sliver that is in the file, or whose value is in memory.
type stagedSliver struct {
	Entry
	place   place  // in the file
	value   []byte // nil if it is in the file
	missing int64  // bytes that are not there yet
	unread  bool   // its checksums are not known
}

// syncEvery is how many bytes of a file are written before the disk is waited for: so the
// last wait is short however long the file is.
const syncEvery = 64 << 20

var errStageOver = errors.New("store: the stage is over")

// Add takes slivers, see [Stage].
func (s *stage) Add(slivers ...Sliver) error {
	if err := s.check(Update{Slivers: slivers}); err != nil {
		return err
	}
	return s.take(slivers, someTime)
}

// AddPieces takes pieces of slivers, see [Stage].
func (s *stage) AddPieces(pieces ...Piece) error {
	if err := s.usable(); err != nil {
		return err
	}
	need := uint64(0)
	for _, p := range pieces {
		need += uint64(len(p.Data))
		if err := s.validRef(p.Ref); err != nil {
			return err
		}
	}
	if err := s.roomFor(need, false); err != nil {
		return err
	}
	var data []extent
	for _, p := range pieces {
		i, known := s.index[p.Ref]
		if !known {
			i = s.enter(s.begin(p.Ref, p.Size))
		}
		sliver := &s.staged[i]
		n := int64(len(p.Data))
		if !sliver.unread || p.Size != sliver.Size || p.Off < 0 || p.Off > p.Size-n || n > sliver.missing {
			s.Discard()
			return fmt.Errorf("%w: %d bytes at %d of %v", ErrPieces, n, p.Off, p.Ref)
		}
		sliver.missing -= n
		if sliver.value != nil {
			copy(sliver.value[inlineHead+p.Off:], p.Data)
		} else {
			data = append(data, extent{off: sliver.place.off + p.Off, data: p.Data})
		}
	}
	// Pieces that follow each other are written together.
	slices.SortStableFunc(data, func(a, b extent) int { return cmp.Compare(a.off, b.off) })
	return s.write(someTime, data)
}

// begin makes room for a sliver that comes in pieces.
func (s *stage) begin(ref Ref, size int64) stagedSliver {
	sliver := stagedSliver{Entry: Entry{Ref: ref, Size: size}, missing: size, unread: true}
	if size <= int64(s.inline) {
		sliver.value = inlineValue(make([]byte, max(size, 0)))
		s.held += size
	} else {
		sliver.place = place{off: s.size, size: size}
		s.size += size
	}
	return sliver
}

// Missing returns how much of a sliver has not come, see [Stage].
func (s *stage) Missing(ref Ref) int64 {
	if i, known := s.index[ref]; known {
		return s.staged[i].missing
	}
	return 0
}

// ReadBack reads a sliver that came in pieces, see [Stage].
func (s *stage) ReadBack(dst []byte, ref Ref) ([]byte, error) {
	i, known := s.index[ref]
	if s.err != nil || !known {
		return dst, cmp.Or(s.err, ErrNotFound)
	}
	sliver := &s.staged[i]
	if sliver.value != nil {
		data := sliver.value[inlineHead:]
		sliver.value, sliver.unread = inlineValue(data), false
		return append(dst, data...), nil
	}
	start := len(dst)
	dst = slices.Grow(dst, int(sliver.Size))[:start+int(sliver.Size)]
	if err := s.files.readAt(dst[start:], s.files.temporary(s.file), sliver.place.off); err != nil {
		return dst[:start], diskError(err)
	}
	sliver.place.sums, sliver.unread = checksums(dst[start:]), false
	return dst, nil
}

// usable returns why nothing can be done at present.
func (s *stage) usable() error { return cmp.Or(s.err, s.db.Failed()) }

// check returns why the update cannot be taken at present.
func (s *stage) check(u Update) error {
	if err := s.usable(); err != nil {
		return err
	}
	if err := s.validate(u); err != nil {
		return err
	}
	return s.room(u)
}

// maxWriter is the length of the longest name of a writer.
const maxWriter = 256

// validate finds what an update must not have.
func (s *stage) validate(u Update) error {
	if len(u.Writer) > maxWriter {
		return fmt.Errorf("store: name of the writer has %d bytes, more than %d", len(u.Writer), maxWriter)
	}
	for r := range u.Rewrite {
		if _, both := u.Records[r]; both {
			return fmt.Errorf("store: record %q is in the update twice", r)
		}
	}
	seen := make(map[Ref]bool, len(u.Slivers))
	for _, sliver := range u.Slivers {
		if err := s.validRef(sliver.Ref); err != nil {
			return err
		}
		if _, known := s.index[sliver.Ref]; known || seen[sliver.Ref] {
			return fmt.Errorf("store: %v is in the update twice", sliver.Ref)
		}
		seen[sliver.Ref] = true
	}
	return nil
}

// enter enters a sliver, and returns its place in the list.
func (s *stage) enter(sliver stagedSliver) int {
	if s.index == nil {
		s.index = make(map[Ref]int)
	}
	s.index[sliver.Ref] = len(s.staged)
	s.staged = append(s.staged, sliver)
	return len(s.staged) - 1
}

// take writes the large ones of some slivers to the file, and keeps the others. After an
// error the stage is over.
func (s *stage) take(slivers []Sliver, when durability) error {
	var data []extent
	for _, sliver := range slivers {
		size := int64(len(sliver.Data))
		staged := stagedSliver{Entry: Entry{Ref: sliver.Ref, Size: size}}
		if len(sliver.Data) > s.inline {
			staged.place = place{off: s.size, size: size, sums: sliver.Sums.of(sliver.Data)}
			data = append(data, extent{s.size, sliver.Data, sliver.Spent})
			s.size += size
		} else {
			staged.value = inlineValue(sliver.Data)
			s.held += size
		}
		s.enter(staged)
	}
	return s.write(when, data)
}

// write writes to the file, and waits for the disk now and then. After an error the stage
// is over.
func (s *stage) write(when durability, data []extent) error {
	if len(data) == 0 && (s.file == 0 || when != durable) {
		return nil
	}
	if s.file == 0 {
		s.file = s.files.number()
	}
	for _, e := range data {
		s.waiting += int64(len(e.data))
	}
	if when == someTime && s.waiting >= syncEvery {
		when = dataOnly
	}
	if err := s.files.write(s.file, when, data...); err != nil {
		s.Discard()
		return diskError(err)
	}
	if when != someTime {
		s.waiting = 0
	}
	return nil
}

// Held returns the bytes in memory, see [Stage].
func (s *stage) Held() int64 { return s.held }

// Discard ends the stage, see [Stage].
func (s *stage) Discard() {
	if s.err == nil {
		s.files.discard(s.file)
		s.err = errStageOver
	}
}

// Apply makes the update visible and durable, see [Stage].
func (s *stage) Apply(u Update) error {
	defer s.Discard()
	if err := s.check(u); err != nil {
		return err
	}
	if err := s.finish(u); err != nil {
		return err
	}
	defer s.lock(s.id)()
	old, err := s.admitted(u)
	if err != nil {
		return err
	}
	if err := s.publish(); err != nil {
		return err
	}
	c := s.newChange()
	defer c.Close()
	if err := s.enterAll(c, &old, u); err != nil {
		return err
	}
	return c.commit()
}

// finish has the disk have all of the slivers.
func (s *stage) finish(u Update) error {
	for _, sliver := range s.staged {
		if sliver.missing > 0 || sliver.unread {
			return fmt.Errorf("%w: %d bytes of %v are missing, or nobody has read it", ErrPieces, sliver.missing, sliver.Ref)
		}
	}
	return s.take(u.Slivers, durable)
}

// admitted returns what there is of the blob, if the update is to happen at all. The blob is
// locked.
func (s *stage) admitted(u Update) (old blobIndex, err error) {
	if old, err = s.core.index(s.id); err == nil && u.If != nil && !u.If(old.info()) {
		err = ErrRefused
	}
	return old, err
}

// publish gives the file its name. The blob is locked.
func (s *stage) publish() error {
	s.err = errStageOver // the file is no longer a temporary one
	if s.file == 0 {
		return nil
	}
	if err := s.files.publish(s.id, s.file); err != nil {
		return diskError(err)
	}
	return nil
}

// enterAll enters the update, and what was staged and published, in a change. The blob is
// locked.
func (s *stage) enterAll(c *change, old *blobIndex, u Update) error {
	next := old.clone()
	c.begin(s.id, old, &next)
	c.enter(u)
	for i := range s.staged {
		staged := &s.staged[i]
		value := staged.value
		if value == nil {
			staged.place.file = s.file
			value = staged.place.value()
		}
		next.set(indexedSliver{Entry: staged.Entry, file: staged.place.file, off: staged.place.off})
		c.set(sliverKey(s.shard(s.id, staged.Pair), s.id, staged.Axis), value)
	}
	return c.derive(u)
}
