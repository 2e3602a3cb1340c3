package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

const modelShards = 7

// naive is a store in memory, as simple as it can be.
type naive struct {
	blobs map[commit.BlobID]*naiveBlob
}

type naiveBlob struct {
	inserted int64
	end      uint32
	writer   string
	records  map[store.Record][]byte
	slivers  map[store.Ref][]byte
	bad      map[store.Ref]string // why it is quarantined
}

func (b *naiveBlob) empty() bool { return len(b.records)+len(b.slivers) == 0 }

func (b *naiveBlob) pending() bool {
	return !b.empty() && b.records[store.Certificate] == nil && b.records[store.InvalidBlobCertificate] == nil
}

func (b *naiveBlob) entries(bad bool) (entries []store.Entry) {
	for ref, data := range b.slivers {
		if (b.bad[ref] != "") == bad {
			entries = append(entries, store.Entry{Ref: ref, Size: int64(len(data))})
		}
	}
	slices.SortFunc(entries, func(x, y store.Entry) int {
		return 100_000*(int(x.Axis)-int(y.Axis)) + x.Pair - y.Pair
	})
	return entries
}

func (n *naive) sorted() []commit.BlobID {
	return slices.SortedFunc(maps.Keys(n.blobs), func(a, b commit.BlobID) int { return bytes.Compare(a[:], b[:]) })
}

// TestModel does the same with a store and with a naive one: they must say the same at
// every step, also when the store is opened again.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fs := vfs.NewMem()
		clock := time.Unix(1_000_000, 0)
		options := store.Options{
			FS: fs, Owner: store.Owner{Node: "n", System: "s", Shards: modelShards}, InlineMax: 100, Ballast: -1,
			Now: func() time.Time { return clock },
		}
		d, err := store.Open("store", options)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = d.Close() }()
		m := &naive{blobs: make(map[commit.BlobID]*naiveBlob)}
		anyBlob := func() commit.BlobID { return blob(rapid.IntRange(0, 4).Draw(t, "blob")) }
		anyRef := func() store.Ref {
			return store.Ref{Axis: rs2d.Axis(rapid.IntRange(0, 1).Draw(t, "axis")), Pair: rapid.IntRange(0, modelShards-1).Draw(t, "pair")}
		}
		get := func(id commit.BlobID) *naiveBlob {
			if b := m.blobs[id]; b != nil {
				return b
			}
			return new(naiveBlob)
		}
		settle := func(id commit.BlobID) {
			if b := m.blobs[id]; b != nil && b.empty() {
				delete(m.blobs, id)
			}
		}
		version := 0
		t.Repeat(map[string]func(*rapid.T){
			"apply": func(t *rapid.T) {
				id := anyBlob()
				b := m.blobs[id]
				if b == nil {
					b = &naiveBlob{
						inserted: clock.Unix(), records: make(map[store.Record][]byte),
						slivers: make(map[store.Ref][]byte), bad: make(map[store.Ref]string),
					}
					m.blobs[id] = b
				}
				u := store.Update{Records: make(map[store.Record][]byte)}
				if u.DropAll = rapid.IntRange(0, 9).Draw(t, "drop all") == 0; u.DropAll {
					clear(b.slivers)
					clear(b.bad)
				}
				for range rapid.IntRange(0, 2).Draw(t, "drops") {
					ref := anyRef()
					u.Drop = append(u.Drop, ref)
					delete(b.slivers, ref)
					delete(b.bad, ref)
				}
				version++
				for range rapid.IntRange(0, 6).Draw(t, "slivers") {
					ref := anyRef()
					if slices.ContainsFunc(u.Slivers, func(s store.Sliver) bool { return s.Ref == ref }) {
						continue
					}
					data := content(id, ref, version, rapid.SampledFrom([]int{0, 1, 99, 101, 5000, 70_000}).Draw(t, "size"))
					u.Slivers = append(u.Slivers, store.Sliver{Ref: ref, Data: data})
					b.slivers[ref] = data
					delete(b.bad, ref)
				}
				for range rapid.IntRange(0, 2).Draw(t, "records") {
					r := rapid.SampledFrom([]store.Record{store.Metadata, store.Certificate, store.Proof, store.InvalidBlobCertificate}).Draw(t, "record")
					u.Records[r] = fmt.Append(nil, "record ", version)
					b.records[r] = u.Records[r]
				}
				if rapid.Bool().Draw(t, "ends") {
					end := rapid.Uint32Range(0, 5).Draw(t, "end")
					u.End, b.end = &end, end
				}
				u.Writer = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "writer")
				if b.writer == "" {
					b.writer = u.Writer
				}
				if err := inPieces(d, id, u, rapid.SliceOfN(rapid.IntRange(-1, len(u.Slivers)), 0, 3).Draw(t, "pieces")); err != nil {
					t.Fatal(err)
				}
				settle(id)
			},
			"discard": func(t *rapid.T) {
				id, ref := anyBlob(), anyRef()
				s := d.Stage(id)
				if err := s.Add(store.Sliver{Ref: ref, Data: content(id, ref, -1, 5000)}); err != nil {
					t.Fatal(err)
				}
				s.Discard()
				if names, err := fs.List("store/tmp"); err != nil || len(names) > 0 {
					t.Fatalf("a discarded stage leaves %v, %v", names, err)
				}
				if err := s.Apply(store.Update{}); err == nil {
					t.Fatal("a discarded stage is applied")
				}
			},
			"delete": func(t *rapid.T) {
				id := anyBlob()
				asked := false
				allow := rapid.Bool().Draw(t, "allow")
				gone, err := d.Delete(id, func(i store.Info) bool { asked = true; return allow })
				known := m.blobs[id] != nil
				if err != nil || asked != known || gone != (known && allow) {
					t.Fatalf("asked %v, gone %v, %v, want %v and %v", asked, gone, err, known, known && allow)
				}
				if gone {
					delete(m.blobs, id)
				}
			},
			"quarantine": func(t *rapid.T) {
				id, ref := anyBlob(), anyRef()
				if err := d.Quarantine(id, ref); err != nil {
					t.Fatal(err)
				}
				if _, known := get(id).slivers[ref]; known {
					m.blobs[id].bad[ref] = "wrong"
				}
			},
			"check": func(t *rapid.T) {
				id, ref := anyBlob(), anyRef()
				_, known := get(id).slivers[ref]
				want := map[bool]error{false: store.ErrNotFound, true: nil}[known]
				if get(id).bad[ref] == "wrong" {
					want = store.ErrCorrupt
				}
				if err := d.Check(id, ref); !errors.Is(err, want) {
					t.Fatalf("got %v, want %v", err, want)
				}
			},
			"drop shard": func(t *rapid.T) {
				shard := rapid.IntRange(0, modelShards-1).Draw(t, "shard")
				if err := d.DropShard(context.Background(), shard); err != nil {
					t.Fatal(err)
				}
				for id, b := range m.blobs {
					for ref := range b.slivers {
						if id.ShardOfPair(ref.Pair, modelShards) == shard {
							delete(b.slivers, ref)
							delete(b.bad, ref)
						}
					}
					settle(id)
				}
			},
			"reopen": func(t *rapid.T) {
				if err := d.Close(); err != nil {
					t.Fatal(err)
				}
				if d, err = store.Open("store", options); err != nil {
					t.Fatal(err)
				}
			},
			"sweep": func(t *rapid.T) {
				if removed, err := d.Sweep(context.Background()); err != nil || removed != 0 {
					t.Fatalf("%d files that nothing refers to, %v", removed, err)
				}
			},
			"wait": func(*rapid.T) { clock = clock.Add(time.Minute) },
			"": func(t *rapid.T) {
				compare(t, m, d, fs, clock)
			},
		})
	})
}

// inPieces applies an update whose slivers come in parts that end at the given numbers. If
// one of them is negative, slivers of the first part come in pieces themselves.
func inPieces(d *store.Disk, id commit.BlobID, u store.Update, ends []int) error {
	if len(ends) == 0 {
		return d.Apply(id, u)
	}
	s := d.Stage(id)
	defer s.Discard()
	slices.Sort(ends)
	from := 0
	for i, end := range ends {
		if end < 0 {
			continue
		}
		part := u.Slivers[from:end]
		if i == 0 || ends[i-1] >= 0 {
			if err := s.Add(part...); err != nil {
				return err
			}
		} else if err := scattered(s, part); err != nil {
			return err
		}
		from = end
	}
	u.Slivers = u.Slivers[from:]
	return s.Apply(u)
}

// scattered adds slivers in pieces, the last of each sliver first.
func scattered(s store.Stage, slivers []store.Sliver) error {
	for third := 2; third >= 0; third-- {
		var pieces []store.Piece
		for _, sliver := range slivers {
			size := len(sliver.Data)
			from, to := size*third/3, size*(third+1)/3
			pieces = append(pieces, store.Piece{Ref: sliver.Ref, Size: int64(size), Off: int64(from), Data: sliver.Data[from:to]})
		}
		if err := s.AddPieces(pieces...); err != nil {
			return err
		}
	}
	for _, sliver := range slivers {
		got, err := s.ReadBack([]byte("x"), sliver.Ref)
		if err != nil {
			return err
		}
		if !bytes.Equal(got[1:], sliver.Data) || s.Missing(sliver.Ref) != 0 {
			return fmt.Errorf("%v: %d bytes were read back, %d of them missing", sliver.Ref, len(got)-1, s.Missing(sliver.Ref))
		}
	}
	return nil
}

// compare compares all that the store says.
func compare(t *rapid.T, m *naive, d *store.Disk, fs vfs.FS, now time.Time) {
	usage := map[string]store.Usage{"": {}, "a": {}, "b": {}}
	var withMetadata, pending, expired []commit.BlobID
	inFiles := int64(0)
	for i := range 5 {
		id := blob(i)
		b := m.blobs[id]
		info, err := d.Info(id)
		if err != nil {
			t.Fatal(err)
		}
		if b == nil {
			if !info.Inserted.IsZero() || len(info.Records)+len(info.Slivers)+len(info.Quarantined) > 0 {
				t.Fatalf("blob %d: got %+v of a blob that is not there", i, info)
			}
			continue
		}
		if !slices.Equal(info.Slivers, b.entries(false)) || !slices.Equal(info.Quarantined, b.entries(true)) ||
			len(info.Records) != len(b.records) || info.End != b.end || info.Writer != b.writer || info.Inserted.Unix() != b.inserted {
			t.Fatalf("blob %d: got %+v, want %+v", i, info, b)
		}
		total := int64(0)
		for r, want := range b.records {
			if got, err := d.Record(id, r); err != nil || !bytes.Equal(got, want) || !info.Has(r) {
				t.Fatalf("blob %d, record %c: got %q, %v, want %q", i, r, got, err, want)
			}
			total += int64(len(want))
		}
		for ref, want := range b.slivers {
			total += int64(len(want))
			if len(want) > 100 {
				inFiles += int64(len(want))
			}
			from := len(want) / 3
			got, err := d.Read([]byte("x"), id, ref, int64(from), -1)
			if b.bad[ref] != "" {
				if !errors.Is(err, store.ErrNotFound) {
					t.Fatalf("blob %d, %v is quarantined: %v", i, ref, err)
				}
			} else if err != nil || !bytes.Equal(got[1:], want[from:]) {
				t.Fatalf("blob %d, %v: got %d bytes, %v, want %d", i, ref, len(got)-1, err, len(want)-from)
			}
		}
		u := usage[b.writer]
		if b.pending() {
			u.Pending += total
		} else {
			u.Certified += total
		}
		usage[b.writer] = u
		if b.pending() && b.inserted < now.Unix() {
			pending = append(pending, id)
		}
		if b.end != 0 && b.end <= 3 {
			expired = append(expired, id)
		}
	}
	for _, id := range m.sorted() {
		if m.blobs[id].records[store.Metadata] != nil {
			withMetadata = append(withMetadata, id)
		}
	}
	for writer, want := range usage {
		if got, err := d.Usage(writer); err != nil || got != want {
			t.Fatalf("usage of %q: got %+v, %v, want %+v", writer, got, err, want)
		}
	}
	if got, err := d.BlobsWith(store.Metadata, nil, 100); err != nil || !slices.Equal(got, withMetadata) {
		t.Fatalf("with metadata: got %v, %v, want %v", got, err, withMetadata)
	}
	sameSet(t, "pending", pending)(d.Pending(now, 100))
	sameSet(t, "expired", expired)(d.Expired(3, 100))
	for shard := range modelShards {
		var want []store.ShardEntry
		for _, id := range m.sorted() {
			e := store.ShardEntry{Blob: id}
			any := false
			for ref := range m.blobs[id].slivers {
				any = any || id.ShardOfPair(ref.Pair, modelShards) == shard
			}
			for _, s := range m.blobs[id].entries(false) {
				if id.ShardOfPair(s.Pair, modelShards) == shard {
					e.Slivers = append(e.Slivers, s)
				}
			}
			if any {
				want = append(want, e)
			}
		}
		var got []store.ShardEntry
		var after *commit.BlobID
		for {
			page, err := d.Shard(shard, after, 2)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
			after = &page[len(page)-1].Blob
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("shard %d: got %v, want %v", shard, got, want)
		}
	}
	// The memory's files have no holes: what is dropped comes back by writing them anew.
	onDisk := int64(0)
	for i := range 256 {
		dir := fs.PathJoin("store", "slivers", fmt.Sprintf("%02x", i))
		names, err := fs.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			info, err := fs.Stat(fs.PathJoin(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			onDisk += info.Size()
		}
	}
	if onDisk != inFiles {
		t.Fatalf("files take %d bytes for slivers of %d", onDisk, inFiles)
	}
}

// sameSet compares two lists whatever their order.
func sameSet(t *rapid.T, what string, want []commit.BlobID) func([]commit.BlobID, error) {
	return func(got []commit.BlobID, err error) {
		order := func(a, b commit.BlobID) int { return bytes.Compare(a[:], b[:]) }
		got = slices.SortedFunc(slices.Values(got), order)
		if err != nil || !slices.Equal(got, slices.SortedFunc(slices.Values(want), order)) {
			t.Fatalf("%s: got %v, %v, want %v", what, got, err, want)
		}
	}
}
