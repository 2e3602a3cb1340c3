// Command rs2d-s3 stands between a cluster of nodes and programs that speak S3. Run
// rs2d-s3 --help.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
	"github.com/redstuff-go/redstuff/gateway/s3"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/fixed"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/ledger"
)

const about = `S3 before a cluster of RedStuff nodes: buckets and objects are kept in a database, and the bytes of objects are blobs of the cluster.

Example: rs2d-s3 run --committee cluster/committee.toml --key cluster/client.key --state s3 --access-key me --secret s3.secret

Example: rs2d-s3 rebuild --ledger http://127.0.0.1:7000 --key client.key --state s3 --access-key me

Exit codes: 0 ended as it was told; 1 some objects could not be made again; 2 wrong usage, or a failure.`

// grammar is the command line.
type grammar struct {
	Run     runCmd     `cmd:"" help:"Run a gateway."`
	Rebuild rebuildCmd `cmd:"" help:"Make the database of buckets and objects again of what is on the ledger."`
}

// ledgerFlags say which ledger.
type ledgerFlags struct {
	Ledger  string `placeholder:"URL" env:"REDSTUFF_LEDGER" help:"Where the ledger is, such as http://127.0.0.1:7000."`
	Genesis string `type:"path" placeholder:"FILE" env:"REDSTUFF_GENESIS" help:"How the ledger began. Without it, the ledger is believed to be the right one."`
}

type runCmd struct {
	ledgerFlags
	Committee string `short:"C" type:"path" placeholder:"FILE" env:"REDSTUFF_COMMITTEE" help:"File of the committee of nodes, where there is no ledger."`
	Key       string `required:"" type:"path" placeholder:"FILE" env:"REDSTUFF_KEY" help:"Secret of a client that may write, or of the account that pays for what is stored."`
	Epochs    uint32 `default:"1" placeholder:"N" help:"Epochs for which objects are stored, on a ledger."`
	Permanent bool   `help:"Blobs cannot be deleted before."`
	Notes     bool   `default:"true" negatable:"" help:"Keep sealed notes of buckets and objects on the ledger, of which the database can be made again."`

	Listen    string `default:"127.0.0.1:9000" placeholder:"HOST:PORT" help:"Address to listen on. It speaks plain HTTP."`
	Domain    string `placeholder:"NAME" help:"Domain under which buckets are hosts: BUCKET.NAME. Default none."`
	Region    string `default:"us-east-1" help:"Region that clients sign for."`
	AccessKey string `required:"" placeholder:"ID" env:"REDSTUFF_S3_ACCESS_KEY" help:"Id of the key that clients sign with."`
	Secret    string `required:"" type:"path" placeholder:"FILE" env:"REDSTUFF_S3_SECRET" help:"File of the secret that clients sign with, 16 characters at least."`
	State     string `required:"" type:"path" placeholder:"DIR" env:"REDSTUFF_S3_STATE" help:"Directory of the database of buckets and objects. It is made if it is not there."`

	PieceMiB    int           `name:"piece-mib" default:"16" placeholder:"N" help:"MiB of an object in one blob at most; longer ones are several. Blobs are shorter if there is too little memory."`
	PackKiB     int           `name:"pack-kib" default:"0" placeholder:"N" help:"KiB of objects that are packed into one blob with others that come at about the same time, up to 256. 0 packs none."`
	PackWait    time.Duration `default:"50ms" help:"How long a small object waits for others to be packed with."`
	Writes      int           `default:"4" placeholder:"N" help:"Bodies that are stored at once, each with a piece in memory."`
	MaxRequests int           `default:"256" placeholder:"N" help:"Requests served at once; others are answered SlowDown."`
	MaxMemory   int           `name:"max-memory-mib" default:"224" placeholder:"MIB" help:"MiB of memory that the gateway takes to store objects, however long they are."`
	Timeout     time.Duration `default:"1m" help:"Time for nodes to store or send a blob."`

	LogLevel slog.Level `default:"info" placeholder:"LEVEL" help:"Least level to log: debug, info, warn or error."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := execute(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// app is what a command has of the world outside.
type app struct {
	ctx    context.Context
	stdout io.Writer
	stderr io.Writer
}

// execute runs the command line args and returns the exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	var g grammar
	asked := false // for help, which ends it
	parser := kong.Must(&g, kong.Name("rs2d-s3"), kong.Description(about), kong.Writers(stdout, stderr), kong.Exit(func(int) { asked = true }))
	parsed, err := parser.Parse(args)
	if asked {
		return 0
	}
	if err == nil {
		err = parsed.Run(&app{ctx, stdout, stderr})
	}
	if errors.Is(err, errLost) {
		fmt.Fprintf(stderr, "rs2d-s3: %v\n", err)
		return 1
	}
	if err != nil {
		fmt.Fprintf(stderr, "rs2d-s3: %v\n", err)
		return 2
	}
	return 0
}

// plane opens the control plane: the ledger, and its views, are nil where there is none.
func (c *runCmd) plane(ctx context.Context) (control.Control, chain.Ledger, *follow.Views, error) {
	switch {
	case c.Ledger == "" && c.Committee == "":
		return nil, nil, nil, errors.New("--committee FILE or --ledger URL is needed")
	case c.Ledger == "":
		f, err := fixed.Load(c.Committee)
		return f, nil, nil, err
	}
	l, views, err := c.open(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	return views, l, views, nil
}

// open opens the ledger and its views.
func (c *ledgerFlags) open(ctx context.Context) (chain.Ledger, *follow.Views, error) {
	var begin *ledger.Genesis
	if c.Genesis != "" {
		g, err := genesis.Load(c.Genesis)
		if err != nil {
			return nil, nil, err
		}
		begin = &g
	}
	l := rpc.NewClient(c.Ledger)
	views, err := follow.OpenViews(ctx, l, begin)
	if err != nil {
		return nil, nil, fmt.Errorf("the ledger at %s: %w", c.Ledger, err)
	}
	return l, views, nil
}

// program is the memory that is not for objects: the program itself, and what is not Go's.
const program = 40 << 20

// bounds returns how long a piece is, bytes, and how many bytes of blobs and slivers the client
// may hold: as many pieces as are stored at once, and the slivers of one of them at least, fit
// into two thirds of the memory. The last third is for what is held no more, and is not collected
// yet, and for requests.
func (c *runCmd) bounds(p commit.Params) (piece, memory int64, err error) {
	held := (int64(c.MaxMemory)<<20 - program) * 2 / 3
	piece = min(int64(c.PieceMiB)<<20, int64(min(p.MaxBlob(), math.MaxInt64)))
	for ; piece > 0; piece /= 2 {
		encoded, err := p.EncodedLength(uint64(piece))
		if err != nil {
			return 0, 0, err
		}
		if memory = held - int64(c.Writes)*piece; memory >= int64(encoded) {
			return piece, memory, nil
		}
		if piece < 1<<20 {
			break // the overhead of so short blobs is larger than they are
		}
	}
	return 0, 0, fmt.Errorf("--max-memory-mib %d is too little for --writes %d and %d shards", c.MaxMemory, c.Writes, p.N)
}

// limitMemory has the process collect its garbage before it takes more memory than it may, unless
// the environment says how much that is.
func (c *runCmd) limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(c.MaxMemory)<<20 - program)
	}
}

// Run runs a gateway until the context ends.
func (c *runCmd) Run(a *app) (err error) {
	ctx := a.ctx
	if c.PieceMiB < 1 || c.Writes < 1 || c.MaxMemory < 1 || c.MaxRequests < 1 {
		return errors.New("--piece-mib, --writes, --max-memory-mib and --max-requests must be more than zero")
	}
	log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: c.LogLevel}))
	secret, err := os.ReadFile(c.Secret)
	if err != nil {
		return err
	}
	key, err := identity.LoadKey(c.Key)
	if err != nil {
		return err
	}
	plane, l, views, err := c.plane(ctx)
	if err != nil {
		return err
	}
	piece, memory, err := c.bounds(plane.View().Current.Params())
	if err != nil {
		return err
	}
	c.limitMemory()
	options := client.Options{Timeout: c.Timeout, MaxMemory: memory, Logger: log}
	if l != nil {
		options.Registrar = daemon.Orders{}
	}
	api, err := client.New(plane, key, options)
	if err != nil {
		return err
	}
	defer api.Close()
	store, epochs := daemon.ForCluster(api), (func(context.Context) (s3.Epochs, error))(nil)
	var payer *account.Account
	if l != nil {
		payer = account.New(l, key.Account())
		if store, err = daemon.ForLedger(api, payer, views.Refresh); err != nil {
			return err
		}
		watch, end := context.WithCancel(ctx)
		var background sync.WaitGroup
		background.Go(func() { views.Run(watch) })
		defer background.Wait()
		defer end()
		if epochs, err = s3.EpochsOf(ctx, l, time.Now); err != nil {
			return err
		}
	}
	var sealer *s3.Sealer
	if l != nil && c.Notes {
		if sealer, err = s3.NewSealer(key.Account()); err != nil {
			return err
		}
	}
	b, err := s3.Open(c.State, store, s3.Options{
		Sealer: sealer, PieceSize: piece, PackBelow: int64(c.PackKiB) << 10, PackWait: c.PackWait, Writes: c.Writes, Logger: log, Epochs: epochs, Put: daemon.PutOptions{Epochs: c.Epochs, Permanent: c.Permanent}, Account: payer,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	server, err := s3.NewServer(b, s3.ServerOptions{
		Address: c.Listen, Access: c.AccessKey, Secret: string(bytes.TrimSpace(secret)), Region: c.Region, Domain: c.Domain, Requests: c.MaxRequests,
	})
	if err != nil {
		return err
	}
	watch, end := context.WithCancel(ctx)
	defer end()
	go func() {
		select {
		case <-server.Ready():
			log.Info("serving", "address", c.Listen)
		case <-watch.Done():
		}
	}()
	return server.Serve(ctx)
}
