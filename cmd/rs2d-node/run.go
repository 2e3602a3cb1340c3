package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/node/store"
)

type runCmd struct {
	settings `embed:"" envprefix:"REDSTUFF_NODE_"`
}

func (c *runCmd) Help() string {
	return `Serves until it gets SIGTERM, SIGHUP or an interrupt; then it finishes what it has begun and ends. (nohup keeps SIGHUP away.) It serves on when nobody reads its log any more. A second signal ends it at once: what it has acknowledged is on disk before it says so, and kill -9 loses none of it.

Settings come from the command line, or else the environment, or else the file.

Example: rs2d-node run --config cluster/node-0/node.toml`
}

// settings are those of a node.
type settings struct {
	Config    cli.ConfigFile `short:"c" placeholder:"FILE" env:"CONFIG" help:"TOML file of these settings, with _ for - in their names. Paths in it are relative to it."`
	Committee string         `type:"path" placeholder:"FILE" env:"COMMITTEE" help:"The committee's file, where there is no ledger."`
	Genesis   string         `type:"path" placeholder:"FILE" env:"GENESIS" help:"How the ledger began, if there is one."`
	Ledger    string         `placeholder:"URL" env:"LEDGER" help:"Where the ledger is, such as http://127.0.0.1:7000."`
	Key       string         `type:"path" placeholder:"FILE" env:"KEY" help:"The node's secret, or its secrets while rs2d-node rotate has it use another one."`
	Store     string         `type:"path" placeholder:"DIR" env:"STORE" help:"Directory to store blobs in. It is made if it is not there."`
	Listen    string         `placeholder:"HOST:PORT" env:"LISTEN" help:"Address to listen on, or several with commas between them; default that of the node in its committee."`
	Admin     string         `placeholder:"HOST:PORT" env:"ADMIN" help:"Address of metrics, profiles and health. It asks nobody who they are. Default none."`

	faceSettings

	Grace         time.Duration `default:"15s" env:"GRACE" help:"Time to finish requests before the node ends."`
	MaxRequests   int           `default:"256" env:"MAX_REQUESTS" help:"Requests served at once; more are answered 503."`
	MaxBytes      cli.Bytes     `default:"1GiB" env:"MAX_BYTES" help:"Bytes of bodies held at once; more are answered 503. The node collects garbage in time to need this, --cache, --heal-batch and 256 MiB at most, unless GOMEMLIMIT says otherwise."`
	MaxConns      int           `default:"4096" env:"MAX_CONNS" help:"Connections at once."`
	HeaderTimeout time.Duration `default:"5s" env:"HEADER_TIMEOUT" help:"Time for a request's header."`
	StallTimeout  time.Duration `default:"10s" env:"STALL_TIMEOUT" help:"Time for a body to make progress."`
	MinRate       cli.Bytes     `default:"64KiB" env:"MIN_RATE" help:"Least bytes a second of a body."`
	Workers       int           `default:"0" env:"WORKERS" help:"Processors that code and hash for one request; 0 is all."`

	HealInterval time.Duration `default:"10m" env:"HEAL_INTERVAL" help:"Time between two looks at what other nodes have and this one lacks."`
	HealDelay    time.Duration `default:"5s" env:"HEAL_DELAY" help:"Time that a write may take before the node heals it."`
	HealBatch    cli.Bytes     `default:"64MiB" env:"HEAL_BATCH" help:"Bytes recovered at once."`
	ScrubRate    cli.Bytes     `default:"16MiB" env:"SCRUB_RATE" help:"Bytes a second that are read in search of damage; 0 is no search."`
	ScrubPause   time.Duration `default:"10m" env:"SCRUB_PAUSE" help:"Time between two searches."`

	Reserve      cli.Bytes     `default:"1GiB" env:"RESERVE" help:"Bytes of the disk to leave free."`
	PendingQuota cli.Bytes     `default:"0" env:"PENDING_QUOTA" help:"Bytes of blobs without a certificate that one writer may have; 0 is an eighth of what is free on the disk."`
	PendingAge   time.Duration `default:"24h" env:"PENDING_AGE" help:"Time after which blobs without a certificate are removed."`
	InlineMax    cli.Bytes     `default:"8KiB" env:"INLINE_MAX" help:"Longest sliver that goes into the database; 0 is none. Longer ones of a write go into one file together."`
	Cache        cli.Bytes     `default:"32MiB" env:"CACHE" help:"Cache of the database."`

	LogLevel  slog.Level `default:"info" placeholder:"LEVEL" env:"LOG_LEVEL" help:"Least level to log: debug, info, warn or error."`
	LogFormat string     `enum:"text,json" default:"text" env:"LOG_FORMAT" help:"Format of the log, on standard error: text or json."`

	descriptors httpd.Descriptors // as they are divided
}

// Run runs a node until the context ends, or its store fails.
func (c *runCmd) Run(a *cli.App) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	ctx, stop := cli.UntilHangup(a.Ctx)
	defer stop()
	log := c.logger(a.Stderr)
	c.fit(log)
	c.limitMemory(log)
	p, err := c.plane()
	if err != nil {
		return err
	}
	keys, err := identity.LoadKeyring(c.Key)
	if err != nil {
		return err
	}
	owner, id, err := p.identify(ctx, keys, c.Store)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Key, err)
	}
	options := c.storeOptions(log)
	options.Owner = store.Owner{Node: owner, System: p.system.Genesis().String(), Shards: p.system.Shards}
	disk, err := store.Open(c.Store, options)
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("%s: another process has it open", c.Store)
	}
	if slices.ContainsFunc(unusable, func(reason error) bool { return errors.Is(err, reason) }) {
		return fmt.Errorf("%s: %w", c.Store, err)
	}
	if err != nil {
		return cli.Naming(c.Store, err)
	}
	defer func() { err = errors.Join(err, disk.Close()) }()
	if err := p.follow(ctx, disk, log); err != nil {
		return err
	}
	config := c.nodeConfig(disk, log)
	config.Control, config.Follower, config.ID = p.control, p.follower, id
	n, err := node.New(keys, config)
	if errors.Is(err, node.ErrNotMember) {
		return fmt.Errorf("%s: is the key of no node of the committee at present", c.Key)
	}
	if err != nil {
		return err
	}
	shown, err := openFace(&c.settings, n, keys, p, disk, log)
	if err != nil {
		return err
	}
	if c.Listen == "" && n.Address() == "" {
		return errors.New("missing setting: --listen: the node is of no committee yet, so none says where it listens")
	}
	listener, err := listenAll(strings.Split(cmp.Or(c.Listen, n.Address()), ","))
	if err != nil {
		return err
	}
	var admin net.Listener
	if c.Admin != "" {
		if admin, err = net.Listen("tcp", c.Admin); err != nil {
			listener.Close()
			return err
		}
		log.Info("admin", "node", n.Name(), "address", admin.Addr().String())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-disk.Done(): // what is in doubt on the disk is settled by opening it again
			cancel()
		case <-ctx.Done():
		}
	}()
	wait := shown.serve(ctx, cancel)
	told := tellSupervisor(ctx, stateOf(n))
	err = n.Run(ctx, listener, admin, c.Grace)
	cancel()
	wait()
	told()
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.New("requests were cut off at the end of the grace period")
	}
	log.Info("stopped", "node", n.Name())
	return errors.Join(err, disk.Failed())
}

// Descriptors that the store uses, and without which it does not work.
const (
	storeFiles      = 512
	leastStoreFiles = store.MinOpenFiles
)

// fit raises the limit of file descriptors as far as it may be, and fits to it what needs
// them.
func (c *settings) fit(log *slog.Logger) {
	d := httpd.Divide(httpd.RaiseDescriptors(), c.MaxConns, c.MaxRequests, storeFiles, leastStoreFiles)
	if d.Short {
		log.Warn("few open files are allowed, so fewer connections and requests are: raise the limit (ulimit -n)",
			"limit", d.Limit, "connections", d.Conns, "requests", d.Requests, "store", d.Files)
	}
	c.MaxConns, c.MaxRequests, c.descriptors = d.Conns, d.Requests, d
}

// otherMemory is what a node needs beside what settings bound, in bytes: connections,
// metadata, tables of the database that are not on the disk yet.
const otherMemory = 256 << 20

// limitMemory has garbage collected before the process needs more memory than its settings
// say. An operator who has set GOMEMLIMIT knows better.
func (c *settings) limitMemory(log *slog.Logger) {
	const variable = "GOMEMLIMIT"
	from := variable
	if os.Getenv(variable) == "" {
		limit := int64(otherMemory)
		for _, bytes := range []cli.Bytes{c.MaxBytes, c.Cache, c.HealBatch} {
			limit += int64(min(bytes, 1<<60))
		}
		debug.SetMemoryLimit(limit)
		from = "max-bytes"
	}
	log.Info("memory limit", "bytes", debug.SetMemoryLimit(-1), "from", from)
}

// check finds settings that are missing or out of range.
func (c *settings) check() error {
	type setting struct{ name, value string }
	required := []setting{{"committee", c.Committee}, {"key", c.Key}, {"store", c.Store}}
	if c.Genesis != "" || c.Ledger != "" {
		required = append([]setting{{"genesis", c.Genesis}, {"ledger", c.Ledger}}, required[1:]...)
	}
	if c.Committee != "" && c.Ledger != "" {
		return errors.New("--committee is for networks without a ledger, and --ledger for those with one")
	}
	for _, s := range required {
		if s.value == "" {
			return fmt.Errorf("missing setting: --%s, or --config with a file that has it", s.name)
		}
	}
	for _, s := range []struct {
		name string
		ok   bool
	}{
		{"grace", c.Grace > 0}, {"max-requests", c.MaxRequests > 0}, {"max-bytes", c.MaxBytes > 0}, {"max-conns", c.MaxConns > 0},
		{"header-timeout", c.HeaderTimeout > 0}, {"stall-timeout", c.StallTimeout > 0}, {"min-rate", c.MinRate > 0},
		{"heal-interval", c.HealInterval > 0}, {"heal-delay", c.HealDelay > 0}, {"heal-batch", c.HealBatch > 0},
		{"scrub-pause", c.ScrubPause > 0}, {"pending-age", c.PendingAge > 0}, {"cache", c.Cache > 0},
	} {
		if !s.ok {
			return fmt.Errorf("--%s: must be more than zero", s.name)
		}
	}
	if c.Workers < 0 {
		return errors.New("--workers: must not be negative")
	}
	return nil
}

func (c *settings) logger(w io.Writer) *slog.Logger { return cli.Logger(w, c.LogLevel, c.LogFormat) }

func (c *settings) storeOptions(log *slog.Logger) store.Options {
	inline := int(c.InlineMax)
	if inline == 0 {
		inline = -1
	}
	return store.Options{InlineMax: inline, Reserve: uint64(c.Reserve), CacheSize: int64(c.Cache), MaxOpenFiles: c.descriptors.Files, Logger: log}
}

func (c *settings) nodeConfig(disk store.Store, log *slog.Logger) node.Config {
	scrubRate := int64(c.ScrubRate)
	if scrubRate == 0 {
		scrubRate = -1
	}
	return node.Config{
		Store:       disk,
		MaxRequests: c.MaxRequests, MaxBytes: int64(c.MaxBytes), MaxConns: c.MaxConns, Descriptors: c.descriptors,
		HeaderTimeout: c.HeaderTimeout, StallTimeout: c.StallTimeout, MinRate: int64(c.MinRate), Workers: c.Workers,
		PendingQuota: int64(c.PendingQuota), PendingAge: c.PendingAge,
		HealInterval: c.HealInterval, HealDelay: c.HealDelay, HealBatch: int64(c.HealBatch),
		ScrubRate: scrubRate, ScrubPause: c.ScrubPause,
		Logger: log,
	}
}
