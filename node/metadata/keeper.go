package metadata

import (
	"errors"
	"fmt"
	"slices"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/coded"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
)

// Store is what a keeper needs of a store, see store.Store.
type Store interface {
	Record(id commit.BlobID, r store.Record) ([]byte, error)
}

// Keeper is what a node keeps of metadata, in its store. It is safe for concurrent use.
type Keeper struct {
	store Store
	form
}

// form is a system's form of metadata.
type form struct {
	n      int
	scheme commit.Scheme
	hasher *commit.Hasher
	code   *coded.Code // nil if each node keeps all
}

func newForm(s committee.System, h *commit.Hasher) (form, error) {
	f := form{n: s.Shards, scheme: s.Scheme, hasher: h}
	if h == nil {
		return f, fmt.Errorf("metadata: %w *Hasher", commit.ErrNil)
	}
	if s.Metadata == committee.Full {
		return f, nil
	}
	var err error
	f.code, err = coded.New(s.Shards, h)
	return f, err
}

// NewKeeper returns what a node of the system keeps in the store. The hasher is of the
// system's scheme. The error says that there is no code for so many shards, or no hasher.
func NewKeeper(s Store, system committee.System, h *commit.Hasher) (*Keeper, error) {
	f, err := newForm(system, h)
	if err != nil {
		return nil, err
	}
	return &Keeper{s, f}, nil
}

// ErrWrong is returned for metadata that is not the blob's, or not of the system's shards.
var ErrWrong = errors.New("metadata is not that of the blob")

// Parse reads and verifies a blob's metadata, all of it. The error is that of
// commit.ParseMetadata, or ErrWrong.
func (f *form) Parse(id commit.BlobID, raw []byte) (*commit.Metadata, error) {
	meta, err := commit.ParseMetadata(raw, f.scheme)
	if err != nil {
		return nil, err
	}
	if meta.Shards() != f.n {
		return nil, fmt.Errorf("%w: it is of %d shards", ErrWrong, meta.Shards())
	}
	got, err := meta.ID(f.hasher)
	if err != nil {
		return nil, err
	}
	if got != id {
		return nil, ErrWrong
	}
	return meta, nil
}

// Kept is what a node has of a blob's metadata.
type Kept struct {
	Length uint64           // of the blob
	Whole  *commit.Metadata // all of it, or nil

	code   *coded.Code
	record *coded.Record
}

// Metadata returns metadata that has the right roots of the node's own pairs. Unless all are
// there the others are zero: it verifies no other sliver, and must be sent to nobody.
func (k *Kept) Metadata() *commit.Metadata {
	if k.Whole != nil {
		return k.Whole
	}
	return k.code.Metadata(k.record)
}

// Get returns what the node has of a blob's metadata, verified. The error wraps
// store.ErrNotFound, or store.ErrCorrupt if it is not the blob's.
func (k *Keeper) Get(id commit.BlobID) (*Kept, error) {
	raw, err := k.store.Record(id, store.Metadata)
	if err != nil {
		return nil, err
	}
	kept, err := k.parse(id, raw)
	if err != nil {
		return nil, fmt.Errorf("%w: metadata of blob %v: %w", store.ErrCorrupt, id, err)
	}
	return kept, nil
}

func (k *Keeper) parse(id commit.BlobID, raw []byte) (*Kept, error) {
	if k.code == nil || !coded.IsRecord(raw) {
		meta, err := k.Parse(id, raw)
		if err != nil {
			return nil, err
		}
		return &Kept{Length: meta.Length, Whole: meta}, nil
	}
	record, err := k.code.ParseRecord(raw)
	if err == nil {
		err = k.code.VerifyRecord(id, record)
	}
	if err != nil {
		return nil, err
	}
	return &Kept{Length: record.Length, code: k.code, record: record}, nil
}

// Keep has an update store what the node keeps of a blob's metadata, which was verified. raw
// is its bytes, and pairs are those of which the node may have slivers, by all epochs that it
// sees. The error says that it is not metadata of the system.
func (k *Keeper) Keep(u *store.Update, meta *commit.Metadata, raw []byte, pairs []int) error {
	if k.code == nil {
		if u.Records == nil {
			u.Records = make(map[store.Record][]byte)
		}
		u.Records[store.Metadata] = raw
		return nil
	}
	list, err := k.code.Encode(meta)
	if err != nil {
		return err
	}
	return rewrite(u, len(raw), func(after store.Info, _ []byte) []byte {
		// What else there are slivers of came by another view of the epochs.
		all := withSlivers(pairs, &after)
		if len(all) == 0 || coded.RecordSize(k.n, all) >= len(raw) {
			return raw
		}
		return list.Record(all).Append(nil)
	})
}

// Retain has an update keep the metadata as it is: that which was read before, if it is gone.
func (k *Keeper) Retain(u *store.Update, raw []byte) {
	if k.code == nil {
		u.Records = map[store.Record][]byte{store.Metadata: raw}
		return
	}
	_ = rewrite(u, len(raw), func(after store.Info, old []byte) []byte {
		if old == nil || !k.covers(old, &after) && k.covers(raw, &after) {
			return raw
		}
		return old
	})
}

func rewrite(u *store.Update, most int, f func(after store.Info, old []byte) []byte) error {
	if u.Rewrite == nil {
		u.Rewrite = make(map[store.Record]store.Rewrite)
	}
	u.Rewrite[store.Metadata] = store.Rewrite{Max: most, Make: f}
	return nil
}

// withSlivers returns pairs and those that there are slivers of, in their order.
func withSlivers(pairs []int, info *store.Info) []int {
	all := slices.Clone(pairs)
	for _, list := range [][]store.Entry{info.Slivers, info.Quarantined} {
		for _, e := range list {
			all = append(all, e.Pair)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// covers reports whether what is kept has the roots of all pairs that there are slivers of.
func (k *Keeper) covers(raw []byte, info *store.Info) bool {
	if !coded.IsRecord(raw) {
		return true
	}
	record, err := k.code.ParseRecord(raw)
	return err == nil && !slices.ContainsFunc(withSlivers(nil, info), func(pair int) bool {
		return !slices.Contains(record.Parts.Pairs, pair)
	})
}

// Answer returns what the node gives somebody who gathers a blob's metadata from parts of
// the pairs: parts of those that it has; with a proof, of all that it has; or all of the
// metadata, if that is what it keeps. The error is the store's: ErrNotFound if it has none.
func (k *Keeper) Answer(id commit.BlobID, pairs []int, proven bool) ([]byte, error) {
	raw, err := k.store.Record(id, store.Metadata)
	if err != nil || k.code == nil || !coded.IsRecord(raw) {
		return raw, err
	}
	record, err := k.code.ParseRecord(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: metadata of blob %v: %w", store.ErrCorrupt, id, err)
	}
	if proven {
		return record.Parts.Append(nil), nil
	}
	some := coded.Parts{Root: record.Parts.Root}
	for i, pair := range record.Parts.Pairs {
		if slices.Contains(pairs, pair) {
			some.Pairs, some.Data = append(some.Pairs, pair), append(some.Data, record.Parts.Data[i])
		}
	}
	if len(some.Pairs) == 0 {
		return nil, store.ErrNotFound
	}
	return some.Append(nil), nil
}

// Bound returns how many bytes of metadata a node of the system stores of a blob at most.
func (f *form) Bound() int { return placement.MaxMetadata(f.n) }
