package comet

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/comet/app"
	"github.com/redstuff-go/redstuff/comet/internal/world"
	"github.com/redstuff-go/redstuff/comet/kv"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// Variables that have this program run a node until it is killed.
const (
	killedDir   = "REDSTUFF_COMET_DIR"
	killedStart = "REDSTUFF_COMET_START"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedDir); dir != "" {
		start, err := strconv.ParseUint(os.Getenv(killedStart), 10, 64)
		if err == nil {
			err = runUntilKilled(dir, start)
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// alone are the options of a ledger's only validator.
func alone(dir string, start uint64) Options {
	return Options{
		Dir: dir, Genesis: world.Genesis(1, start, 2000), BlockPause: time.Millisecond, RoundTimeout: 400 * time.Millisecond, SnapshotEvery: 7,
		hooks: hooks{strangers: true},
	}
}

// runUntilKilled transfers money, and prints the nonce after each acknowledgement.
func runUntilKilled(dir string, start uint64) error {
	n, err := Open(world.TLS(0), alone(dir, start))
	if err != nil {
		return err
	}
	for {
		nonce := nonceOf(n.State())
		tx := ledger.Tx{Chain: n.State().ChainID(), Nonce: nonce, FeePerByte: 1 << 10, Action: ledger.Transfer{To: world.Address(world.Person(1)), Amount: 5}}
		data, err := tx.Sign(world.Person(0))
		if err != nil {
			return err
		}
		if r, err := n.Submit(context.Background(), data); err != nil || r.Err != nil {
			return fmt.Errorf("%w, %w", err, r.Err)
		}
		fmt.Println(nonce + 1)
	}
}

func nonceOf(s *ledger.State) uint64 {
	return ledger.Get[ledger.Account](s, ledger.AccountKey(world.Address(world.Person(0)))).Nonce
}

// TestKill: no acknowledged transaction is lost when the process is killed at a random
// moment, and the root is that of a replay, from genesis and from where it was.
func TestKill(t *testing.T) {
	t.Parallel() // it mostly waits
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	rounds := 10
	if testing.Short() {
		rounds = 3
	}
	dir, start, acknowledged := t.TempDir(), uint64(time.Now().UnixMilli()), uint64(0)
	for round := range rounds {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), killedDir+"="+dir, fmt.Sprintf("%s=%d", killedStart, start))
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for i := 0; lines.Scan(); i++ {
			if acknowledged, err = strconv.ParseUint(strings.TrimSpace(lines.Text()), 10, 64); err != nil {
				t.Fatalf("line %q: %v", lines.Text(), err)
			}
			if i == 2+3*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // it was killed
		replay(t, dir, start, acknowledged)
	}
	t.Logf("%d transactions acknowledged over %d kills", acknowledged, rounds)
}

// replay opens what a killed node has left, compares it with what its blocks do to a bare
// state, and has an application without state begin again from genesis.
func replay(t *testing.T, dir string, start, acknowledged uint64) {
	t.Helper()
	n, err := Open(world.TLS(0), alone(dir, start))
	if err != nil {
		t.Fatal(err)
	}
	nonce := nonceOf(n.State())
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if nonce < acknowledged {
		t.Fatalf("%d transactions are there, and %d were acknowledged", nonce, acknowledged)
	}
	dbs, err := kv.Open(filepath.Join(dir, "data", "db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(app.Options{Genesis: alone(dir, start).Genesis, DB: dbs.Database("app")})
	if err != nil {
		t.Fatal(err)
	}
	height, kept := a.Height(), a.State().Root()
	a.Close()
	// The application forgets all: CometBFT gives it every block again.
	b := dbs.Database("app").NewBatch().(interface {
		DeleteRange(start, end []byte) error
		WriteSync() error
	})
	if err := b.DeleteRange(nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.WriteSync(); err != nil {
		t.Fatal(err)
	}
	if err := dbs.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err = Open(world.TLS(0), alone(dir, start)); err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, genesis: n.options.Genesis}
	c.nodes[0] = n
	c.checkChain()
	block := n.comet.BlockStore().LoadBlock(int64(height) + 1)
	if block != nil && string(block.AppHash) != string(kept[:]) {
		t.Errorf("after a replay height %d has the root %X, and had %x", height, block.AppHash, kept)
	}
	if nonceOf(n.State()) < nonce {
		t.Errorf("%d transactions after a replay from genesis, want %d", nonceOf(n.State()), nonce)
	}
	c.stop(0)
}
