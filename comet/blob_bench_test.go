package comet

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/embedded"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/ledgertest"
)

// writers are those who register blobs at once in BenchmarkBlob.
const writers = 64

// BenchmarkBlob measures blobs that are registered and certified, and the bytes that each
// takes on a disk: of the ledger's database, and of the log of CometBFT's votes beside it,
// which has a bound of its own.
func BenchmarkBlob(b *testing.B) {
	var names []string
	for i := range writers {
		names = append(names, fmt.Sprint("writer ", i))
	}
	begin := func(b *testing.B) *ledgertest.Network {
		n, err := ledgertest.NewNetwork(members, 100, names...)
		if err != nil {
			b.Fatal(err)
		}
		g := n.State.Genesis()
		g.Start, g.EpochMillis = uint64(time.Now().UnixMilli()), 3_600_000
		if n.State, err = ledger.Begin(g); err != nil {
			b.Fatal(err)
		}
		return n
	}
	b.Run("embedded", func(b *testing.B) {
		n, dir := begin(b), b.TempDir()
		open := func() *embedded.Ledger {
			l, err := embedded.Open(dir, n.State.Genesis(), embedded.Options{})
			if err != nil {
				b.Fatal(err)
			}
			return l
		}
		if err := open().Close(); err != nil {
			b.Fatal(err)
		}
		empty, _ := sizeOf(b, dir)
		l := open()
		storeBlobs(b, n, names, l)
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		full, _ := sizeOf(b, dir)
		b.ReportMetric(float64(full-empty)/float64(b.N), "B/blob")
	})
	onComet := func(b *testing.B, store func(*testing.B, *ledgertest.Network, []string, ...chain.Backend)) {
		n := begin(b)
		c := &cluster{t: b, dir: b.TempDir(), genesis: n.State.Genesis()}
		c.change = func(_ int, o *Options) { o.BlockPause = 0 } // the default
		for i := range members {
			key := n.Members[i].TLS()
			node, err := Open(key, c.options(i))
			if err != nil {
				b.Fatal(err)
			}
			c.nodes[i] = node
			defer c.stop(i)
		}
		wait(b, "first block", func() bool { return c.nodes[0].Chain().Height > 0 })
		dir := filepath.Join(c.dir, "0")
		empty, votes := sizeOf(b, dir)
		store(b, n, names, c.nodes[0], c.nodes[1], c.nodes[2], c.nodes[3])
		c.settle()
		full, all := sizeOf(b, dir)
		b.ReportMetric(float64(full-empty)/float64(b.N), "B/blob")
		b.ReportMetric(float64(all-votes)/float64(b.N), "votes-B/blob")
	}
	b.Run("comet", func(b *testing.B) { onComet(b, storeBlobs) })
	b.Run("comet, one account", func(b *testing.B) { onComet(b, storeBlobsOfOne) })
}

// sizeOf returns the bytes of the files of a database, and of a log of votes.
func sizeOf(b *testing.B, dir string) (database, votes int64) {
	b.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return ignoreGone(err)
		}
		info, err := d.Info()
		if err != nil {
			return ignoreGone(err)
		}
		if strings.Contains(path, "cs.wal") {
			votes += info.Size()
		} else {
			database += info.Size()
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return database, votes
}

// ignoreGone drops the error of a file that a database has removed.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// storeBlobs has writers register and certify b.N blobs, each one after the other.
func storeBlobs(b *testing.B, n *ledgertest.Network, names []string, ledgers ...chain.Backend) {
	b.Helper()
	blobs := makeBlobs(b, n)
	store := func(i, number int) error {
		key, l := ledgertest.Key(names[i]), ledgers[i%len(ledgers)]
		submit := func(nonce int, a ledger.Action) ([]ledger.Event, error) {
			tx, err := ledger.Tx{Chain: n.State.ChainID(), Nonce: uint64(nonce), FeePerByte: 1 << 20, Action: a}.Sign(key)
			if err != nil {
				return nil, err
			}
			r, err := l.Submit(b.Context(), tx)
			return r.Events, errors.Join(err, r.Err)
		}
		x := blobs[i+number*len(names)]
		events, err := submit(2*number, x.register)
		if err != nil {
			return err
		}
		for _, e := range events {
			if e, ok := e.(ledger.BlobRegistered); ok {
				_, err = submit(2*number+1, ledger.CertifyBlob{Blob: e.Object, Certificate: x.cert})
				return err
			}
		}
		return errors.New("no event of the registration")
	}
	writeAll(b, store)
}

// storeBlobsOfOne is storeBlobs where all write with one account, as clients of a gateway do.
func storeBlobsOfOne(b *testing.B, n *ledgertest.Network, names []string, ledgers ...chain.Backend) {
	b.Helper()
	blobs := makeBlobs(b, n)
	a := account.New(chain.Local(ledgers[0]), ledgertest.Key(names[0]))
	writeAll(b, func(i, number int) error {
		x := blobs[i+number*writers]
		act := func(action ledger.Action) (chain.Receipt, error) {
			return a.Once(b.Context(), func(context.Context) (ledger.Action, error) { return action, nil })
		}
		got, err := act(x.register)
		if err != nil {
			return err
		}
		for _, e := range got.Events {
			if e, ok := e.(ledger.BlobRegistered); ok && e.ID == x.register.ID {
				_, err = act(ledger.CertifyBlob{Blob: e.Object, Certificate: x.cert})
				return err
			}
		}
		return errors.New("no event of the registration")
	})
}

// blob is one that is to be registered and certified.
type blob struct {
	register ledger.ReserveAndRegister
	cert     []byte
}

// makeBlobs returns b.N blobs. What clients and nodes compute is not the ledger's work.
func makeBlobs(b *testing.B, n *ledgertest.Network) []blob {
	b.Helper()
	hasher, err := commit.NewHasher(commit.BLAKE3, "")
	if err != nil {
		b.Fatal(err)
	}
	blobs := make([]blob, b.N)
	for i := range blobs {
		const length = 1 << 20
		root := commit.Hash(sha256.Sum256(fmt.Appendf(nil, "blob %d", i)))
		id := hasher.BlobID(100, length, root)
		blobs[i].register = ledger.ReserveAndRegister{Epochs: 5, ID: id, Root: root, Length: length, Encoding: ledger.EncodingRS2}
		if blobs[i].cert, err = n.Certificate(committee.Attestation{Kind: committee.Stored, Blob: id}, 0, 1, 2); err != nil {
			b.Fatal(err)
		}
	}
	return blobs
}

// writeAll has all writers store their blobs, each one after the other.
func writeAll(b *testing.B, store func(writer, number int) error) {
	b.Helper()
	b.ResetTimer()
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			for number := range (b.N + writers - 1 - i) / writers {
				if err := store(i, number); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "blobs/s")
}
