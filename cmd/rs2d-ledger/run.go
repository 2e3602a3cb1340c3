package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/embedded"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/control/rpc"
)

type runCmd struct {
	Genesis   string        `required:"" type:"path" placeholder:"FILE" env:"REDSTUFF_GENESIS" help:"How the ledger begins."`
	Dir       string        `required:"" type:"path" placeholder:"DIR" env:"REDSTUFF_LEDGER_DIR" help:"Directory of the log. It is made if it is not there."`
	Listen    string        `default:"127.0.0.1:7000" placeholder:"HOST:PORT" env:"REDSTUFF_LEDGER_LISTEN" help:"Address to listen on."`
	MaxConns  int           `default:"1024" help:"Connections at once; one network address may have a quarter of them."`
	Snapshot  uint64        `default:"10000" placeholder:"BLOCKS" help:"Blocks between two snapshots, from which the ledger starts again."`
	Grace     time.Duration `default:"5s" help:"Time to finish requests before the ledger ends."`
	LogLevel  slog.Level    `default:"info" placeholder:"LEVEL" help:"Least level to log: debug, info, warn or error."`
	LogFormat string        `enum:"text,json" default:"text" help:"Format of the log, on standard error: text or json."`
}

func (c *runCmd) Help() string {
	return `Serves until it gets SIGTERM, SIGHUP or an interrupt; nohup keeps SIGHUP away. What it has acknowledged is on disk before it says so: kill -9 at any moment loses none of it, and the ledger goes on at the same root.

Everybody who reaches the address may ask, and may send transactions, which are signed and paid for.

Example: rs2d-ledger run --genesis cluster/genesis.toml --dir cluster/ledger --listen 127.0.0.1:7000`
}

// Run runs a ledger until the context ends, or its log fails.
func (c *runCmd) Run(a *cli.App) (err error) {
	if c.MaxConns < 1 || c.Snapshot < 1 || c.Grace <= 0 {
		return errors.New("--max-conns, --snapshot and --grace: must be more than zero")
	}
	log := cli.Logger(a.Stderr, c.LogLevel, c.LogFormat)
	g, err := genesis.Load(c.Genesis)
	if err != nil {
		return err
	}
	l, err := embedded.Open(c.Dir, g, embedded.Options{SnapshotEvery: c.Snapshot})
	if err != nil {
		return fmt.Errorf("%s: %w", c.Dir, err)
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	ctx, cancel := cli.UntilHangup(a.Ctx)
	defer cancel()
	go func() {
		select {
		case <-l.Done(): // its log failed
			cancel()
		case <-ctx.Done():
		}
	}()
	s := chain.StatusOf(l.State())
	log.Info("serving", "address", listener.Addr().String(), "network", s.Name, "height", s.Height, "root", fmt.Sprintf("%x", []byte(s.Root)), "epoch", s.Epoch)
	err = rpc.Serve(ctx, listener, rpc.Handler(chain.Local(l), rpc.Light(l.Archive())), rpc.Limits{Conns: c.MaxConns}, c.Grace, log)
	log.Info("stopped", "height", l.State().System().Height)
	return err
}
