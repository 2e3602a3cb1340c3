package store

import (
	"errors"
	"fmt"

	"github.com/redstuff-go/redstuff/commit"
)

// stage is an update of one blob that comes in pieces. Large slivers go to a temporary
// file as they come, small ones stay in memory.
type stage struct {
	*core
	id      commit.BlobID
	staged  []stagedSliver
	seen    map[Ref]bool
	file    uint64 // number of the temporary file; 0 if there is none
	size    int64  // of the file
	waiting int64  // bytes of the file that nobody has waited for the disk to have
	held    int64  // bytes in memory
	err     error  // why it can no longer be applied
}

// stagedSliver is a sliver that is in the file, or whose value is in memory.
type stagedSliver struct {
	Entry
	place place  // in the file
	value []byte // nil if it is in the file
}

// syncEvery is how many bytes of a file are written before the disk is waited for: so the
// last wait is short however long the file is.
const syncEvery = 64 << 20

var errStageOver = errors.New("store: the stage is over")

// Add takes slivers, see [Stage].
func (s *stage) Add(slivers ...Sliver) error {
	u := Update{Slivers: slivers}
	if err := s.check(u); err != nil {
		return err
	}
	when := someTime
	if s.waiting >= syncEvery {
		when = dataOnly
	}
	return s.take(slivers, when)
}

// check returns why the update cannot be taken at present.
func (s *stage) check(u Update) error {
	if s.err != nil {
		return s.err
	}
	if err := s.db.Failed(); err != nil {
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
	seen := make(map[Ref]bool, len(u.Slivers))
	for _, sliver := range u.Slivers {
		if err := s.validRef(sliver.Ref); err != nil {
			return err
		}
		if seen[sliver.Ref] || s.seen[sliver.Ref] {
			return fmt.Errorf("store: %v is in the update twice", sliver.Ref)
		}
		seen[sliver.Ref] = true
	}
	return nil
}

// take writes the large ones of some slivers to the file, and keeps the others. After an
// error the stage is over.
func (s *stage) take(slivers []Sliver, when durability) error {
	var data [][]byte
	end := s.size
	if s.seen == nil {
		s.seen = make(map[Ref]bool, len(slivers))
	}
	for _, sliver := range slivers {
		size := int64(len(sliver.Data))
		staged := stagedSliver{Entry: Entry{Ref: sliver.Ref, Size: size}}
		if len(sliver.Data) > s.inline {
			staged.place = place{off: end, size: size, sums: checksums(sliver.Data)}
			data = append(data, sliver.Data)
			end += size
		} else {
			staged.value = inlineValue(sliver.Data)
			s.held += size
		}
		s.staged = append(s.staged, staged)
		s.seen[sliver.Ref] = true
	}
	if len(data) == 0 && (s.file == 0 || when != durable) {
		return nil
	}
	if s.file == 0 {
		s.file = s.files.number()
	}
	if err := s.files.write(s.file, s.size, when, data...); err != nil {
		s.Discard()
		return diskError(err)
	}
	s.waiting += end - s.size
	if s.size = end; when != someTime {
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
	if err := s.take(u.Slivers, durable); err != nil {
		return err
	}
	defer s.lock(s.id)()
	old, err := s.index(s.id)
	if err != nil {
		return err
	}
	if u.If != nil && !u.If(old.info()) {
		return ErrRefused
	}
	s.err = errStageOver // the file is no longer a temporary one
	if s.file != 0 {
		if err := s.files.publish(s.id, s.file); err != nil {
			return diskError(err)
		}
	}
	next := old.clone()
	c := s.newChange(s.id, &old, &next)
	defer c.Close()
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
	return c.commit()
}
