package kv

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	dbm "github.com/cometbft/cometbft-db"
	"pgregory.net/rapid"
)

func open(t testing.TB) *Databases {
	t.Helper()
	d, err := Open(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// TestModel: each of two databases is what CometBFT's own in memory is.
func TestModel(t *testing.T) {
	key := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, '/', 0xff}), 0, 3)
	value := rapid.SliceOfN(rapid.Byte(), 0, 2)
	number := 0
	all := open(t)
	rapid.Check(t, func(t *rapid.T) {
		number++
		type pair struct {
			got, want dbm.DB
			batch     [2]dbm.Batch
		}
		var pairs []*pair
		for _, name := range []string{"a", "ab"} {
			pairs = append(pairs, &pair{got: all.Database(fmt.Sprint(name, number)), want: dbm.NewMemDB()})
		}
		same := func(what string, got, want error) {
			if (got == nil) != (want == nil) {
				t.Fatalf("%s: error %v, want %v", what, got, want)
			}
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			p := rapid.SampledFrom(pairs).Draw(t, "database")
			k, v := key.Draw(t, "key"), value.Draw(t, "value")
			switch rapid.IntRange(0, 6).Draw(t, "step") {
			case 0:
				same("Set", p.got.Set(k, v), p.want.Set(k, v))
			case 1:
				same("DeleteSync", p.got.DeleteSync(k), p.want.DeleteSync(k))
			case 2:
				got, err1 := p.got.Get(k)
				want, err2 := p.want.Get(k)
				same("Get", err1, err2)
				if !bytes.Equal(got, want) || (got == nil) != (want == nil) {
					t.Fatalf("key %x: %x, want %x", k, got, want)
				}
			case 3, 4:
				if p.batch[0] == nil {
					p.batch = [2]dbm.Batch{p.got.NewBatch(), p.want.NewBatch()}
				}
				if rapid.Bool().Draw(t, "set") {
					same("batch.Set", p.batch[0].Set(k, v), p.batch[1].Set(k, v))
				} else {
					same("batch.Delete", p.batch[0].Delete(k), p.batch[1].Delete(k))
				}
			case 5:
				if p.batch[0] != nil {
					same("Write", p.batch[0].Write(), p.batch[1].Write())
					same("second Write", p.batch[0].WriteSync(), p.batch[1].WriteSync())
					same("Close", p.batch[0].Close(), p.batch[1].Close())
					p.batch = [2]dbm.Batch{}
				}
			case 6:
				start, end := k, key.Draw(t, "end")
				if rapid.Bool().Draw(t, "from the first") {
					start = nil
				}
				if rapid.Bool().Draw(t, "to the last") {
					end = nil
				}
				got, err1 := readAll(p.got, start, end, rapid.Bool().Draw(t, "reverse"))
				want, err2 := readAll(p.want, start, end, false)
				same("Iterator", err1, err2)
				if !bytes.Equal(got, want) {
					t.Fatalf("from %x to %x: %x, want %x", start, end, got, want)
				}
			}
		}
		for _, p := range pairs {
			if p.batch[0] != nil {
				_ = p.batch[0].Close()
			}
		}
	})
}

// readAll returns keys and values in ascending order, read in either.
func readAll(db dbm.DB, start, end []byte, reverse bool) (all []byte, err error) {
	make := db.Iterator
	if reverse {
		make = db.ReverseIterator
	}
	it, err := make(start, end)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	for ; it.Valid(); it.Next() {
		one := fmt.Appendf(nil, "%x=%x ", it.Key(), it.Value())
		if reverse {
			all = append(one, all...)
		} else {
			all = append(all, one...)
		}
	}
	return all, it.Error()
}

// TestClosed: who still reads after the end finds nothing, and who writes has an error.
func TestClosed(t *testing.T) {
	all := open(t)
	db := all.Database("a")
	if err := db.SetSync([]byte("k"), []byte("v")); err != nil {
		t.Fatal(err)
	}
	if err := all.Close(); err != nil {
		t.Fatal(err)
	}
	if value, err := db.Get([]byte("k")); value != nil || err != nil {
		t.Errorf("Get: %x, %v; want nothing", value, err)
	}
	if _, err := db.Iterator(nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Iterator: %v, want ErrClosed", err)
	}
	if err := db.Set([]byte("k"), []byte("v")); !errors.Is(err, ErrClosed) {
		t.Errorf("Set: %v, want ErrClosed", err)
	}
	if err := db.Compact(nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Compact: %v, want ErrClosed", err)
	}
}
