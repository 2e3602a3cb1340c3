package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/redstuff-go/redstuff/cmd/internal/cli"
	"github.com/redstuff-go/redstuff/cmd/internal/plane"
	"github.com/redstuff-go/redstuff/gateway/blocklist"
	"github.com/redstuff-go/redstuff/gateway/daemon"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/server/httpd"
)

type runCmd struct {
	plane.Flags
	Key    string `type:"path" placeholder:"FILE" env:"REDSTUFF_KEY" help:"Secret of a client that may write, or of the account that pays for what is stored. Without one, blobs are only read."`
	Listen string `default:"127.0.0.1:31415" placeholder:"HOST:PORT" help:"Address to listen on. It speaks plain HTTP, and asks nobody who they are: put a proxy before it to do so."`

	MaxBlob       cli.Bytes     `default:"10MiB" help:"Longest blob that is stored."`
	SpoolDir      string        `type:"path" placeholder:"DIR" help:"Directory of blobs longer than 4 MiB while they are stored; default that of temporary files."`
	MaxSpool      cli.Bytes     `default:"1GiB" help:"Bytes of all blobs in that directory; others wait."`
	MaxQuilt      cli.Bytes     `default:"100MiB" help:"Longest form that is stored as a quilt."`
	MaxMemory     cli.Bytes     `default:"4GiB" help:"Bytes of blobs and slivers to hold at most."`
	Cache         cli.Bytes     `default:"256MiB" help:"Bytes of metadata, blobs and columns of quilts to remember; 0 remembers nothing. A blob that is longer than an eighth of it is not remembered."`
	CacheAge      time.Duration `default:"10m" help:"Time after which what is remembered is asked for again: until then a blob may be read although it has expired, or was deleted."`
	MaxBytes      cli.Bytes     `default:"256MiB" help:"Bytes of bodies in memory at once, or two forms if that is more; others wait."`
	MaxConns      int           `default:"4096" help:"Connections at once."`
	MaxReads      int           `default:"256" help:"Reads served at once; a quarter more than as many wait, and others are answered 429."`
	MaxWrites     int           `default:"8" help:"Writes served at once; as many wait, and others are answered 429."`
	HeaderTimeout time.Duration `default:"5s" help:"Time for a request's header."`
	StallTimeout  time.Duration `default:"10s" help:"Time for a body to make progress."`
	Timeout       time.Duration `default:"1m" help:"Time for nodes to store or send a blob, and a second more for each MiB of a long one."`
	Grace         time.Duration `default:"15s" help:"Time to finish requests before the gateway ends."`

	MetricsListen string `placeholder:"HOST:PORT" help:"Address of GET /metrics, for Prometheus; default nowhere."`

	JWTSecret    string        `name:"jwt-secret" type:"path" placeholder:"FILE" help:"File with the secret of the tokens that let somebody write, each once. Without one, everybody may."`
	JWTAlgorithm string        `name:"jwt-algorithm" enum:"HS256,HS384,HS512" default:"HS256" help:"Algorithm of the tokens' signatures: HS256, HS384 or HS512."`
	JWTLifetime  time.Duration `name:"jwt-lifetime" placeholder:"TIME" help:"Time from iat to exp that tokens have exactly; default any."`

	Blocked string `type:"path" placeholder:"FILE" help:"File of the ids of blobs that are not given out and not taken, one a line; the answer is 451. It is read again when it has changed."`

	AllowedHeaders []string `placeholder:"NAME" help:"Tags of files and attributes of blobs that become headers of answers; default content-type and the like."`
	AllTags        bool     `help:"Make headers of all tags of files."`

	LogLevel  slog.Level `default:"info" placeholder:"LEVEL" help:"Least level to log: debug, info, warn or error."`
	LogFormat string     `enum:"text,json" default:"text" help:"Format of the log, on standard error: text or json."`
}

func (c *runCmd) Help() string {
	return `Serves PUT /v1/blobs, PUT /v1/quilts, GET /v1/blobs/ID and the rest of the API until it gets SIGTERM, SIGHUP or an interrupt. It keeps nothing: another one before the same nodes answers the same.

On a ledger the account of the key pays for what is stored. Without one, blobs live for ever and cost nothing: epochs are taken note of by nobody.

Example: rs2d-gateway run --committee cluster/committee.toml --key cluster/client.key
         rs2d-gateway run --ledger http://127.0.0.1:7000 --genesis cluster/genesis.toml --key cluster/client.key
         curl -T photo.jpg http://127.0.0.1:31415/v1/blobs?epochs=5
         curl http://127.0.0.1:31415/v1/blobs/ID > photo.jpg`
}

// Run runs a gateway until the context ends.
func (c *runCmd) Run(a *cli.App) error {
	for _, n := range []struct {
		name string
		ok   bool
	}{
		{"max-blob", c.MaxBlob > 0}, {"max-quilt", c.MaxQuilt > 0}, {"max-spool", c.MaxSpool > 0}, {"max-memory", c.MaxMemory > 0}, {"max-bytes", c.MaxBytes > 0},
		{"max-conns", c.MaxConns > 0}, {"max-reads", c.MaxReads > 0}, {"max-writes", c.MaxWrites > 0},
		{"header-timeout", c.HeaderTimeout > 0}, {"stall-timeout", c.StallTimeout > 0}, {"timeout", c.Timeout > 0}, {"grace", c.Grace > 0}, {"cache-age", c.CacheAge > 0},
	} {
		if !n.ok {
			return fmt.Errorf("--%s: must be more than zero", n.name)
		}
	}
	ctx, stop := cli.UntilHangup(a.Ctx)
	defer stop()
	log := cli.Logger(a.Stderr, c.LogLevel, c.LogFormat)
	registry := newMetrics()
	server, handler, end, err := c.compose(ctx, log, registry)
	if err != nil {
		return err
	}
	defer end()
	if c.MetricsListen != "" {
		at, end, err := serveMetrics(c.MetricsListen, registry)
		if err != nil {
			return err
		}
		defer end()
		log.Info("metrics", "address", at.String())
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	log.Info("serving", "address", listener.Addr().String())
	return serve(ctx, server, listener, handler, c.Grace)
}

// leastWhole is how long a blob may be at least that is read whole before it is answered.
const leastWhole = 4 << 20

// ledgerTime is how long a ledger is waited for at first.
const ledgerTime = 10 * time.Second

// open makes the store of the nodes, which end closes.
func (c *runCmd) open(ctx context.Context, key *identity.Key, log *slog.Logger) (store daemon.Store, end func(), err error) {
	limited, cancel := context.WithTimeout(ctx, ledgerTime)
	defer cancel()
	p, err := c.Open(limited)
	if err != nil {
		return nil, nil, err
	}
	options := client.Options{Timeout: c.Timeout, MaxMemory: int64(c.MaxMemory), Logger: log}
	if p.Ledger != nil {
		options.Registrar = daemon.Orders{}
	}
	api, err := client.New(p.Control, key, options)
	if err != nil {
		return nil, nil, err
	}
	if p.Ledger == nil {
		return daemon.ForCluster(api), api.Close, nil
	}
	if key == nil {
		key = identity.GenerateKey() // which nobody pays with
	}
	if store, err = daemon.ForLedger(api, account.New(p.Ledger, key.Account()), p.Views.Refresh); err != nil {
		api.Close()
		return nil, nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	var background sync.WaitGroup
	background.Go(func() { p.Views.Run(ctx) })
	return store, func() {
		stop()
		background.Wait()
		api.Close()
	}, nil
}

// compose makes the gateway before the nodes, which end closes.
func (c *runCmd) compose(ctx context.Context, log *slog.Logger, metrics prometheus.Registerer) (server *httpd.Server, handler http.Handler, end func(), err error) {
	var key *identity.Key
	if c.Key != "" {
		if key, err = identity.LoadKey(c.Key); err != nil {
			return nil, nil, nil, err
		}
	}
	store, end, err := c.open(ctx, key, log)
	if err != nil {
		return nil, nil, nil, err
	}
	auth, err := c.auth()
	if err != nil {
		end()
		return nil, nil, nil, err
	}
	var blocked daemon.Blocked
	if c.Blocked != "" {
		if blocked, err = blocklist.Open(c.Blocked, log); err != nil {
			end()
			return nil, nil, nil, fmt.Errorf("--blocked: %w", err)
		}
	}
	whole := uint64(0) // the daemon's default
	if c.Cache > 0 {
		cache, err := daemon.NewCache(store, daemon.CacheOptions{Bytes: int64(c.Cache), Age: c.CacheAge})
		if err != nil {
			end()
			return nil, nil, nil, err
		}
		registerCache(metrics, cache.Stats())
		store, whole = cache, uint64(max(cache.MaxEntry(), leastWhole))
	}
	d, err := daemon.New(store, daemon.Options{
		MaxWhole: whole,
		MaxBlob:  int64(c.MaxBlob), SpoolDir: c.SpoolDir, MaxSpool: int64(c.MaxSpool), MaxBodies: int64(c.MaxBytes), MaxQuilt: int64(c.MaxQuilt), MaxReads: c.MaxReads, WaitingReads: c.MaxReads / 4 * 5,
		MaxWrites: c.MaxWrites, WaitingWrites: c.MaxWrites, NoWrites: key == nil, Auth: auth, Blocked: blocked, Timeout: c.Timeout,
		AllowedHeaders: c.AllowedHeaders, AllTagsAsHeaders: c.AllTags, Logger: log,
	})
	if err == nil {
		server, err = httpd.New(httpd.Options{
			MaxConns:      httpd.Divide(httpd.RaiseDescriptors(), c.MaxConns, 0, 0, 0).Conns,
			HeaderTimeout: c.HeaderTimeout, StallTimeout: c.StallTimeout, Logger: log, Metrics: metrics,
		})
	}
	if err != nil {
		end()
		return nil, nil, nil, err
	}
	// The API bounds requests and their bodies as its clients expect it: with 429.
	handler = server.Handle("api", httpd.Rule{Unlimited: true, Unmetered: true}, func(x *httpd.Exchange) { d.ServeHTTP(x, x.Request) })
	return server, handler, end, nil
}

// auth returns who may write: nil is everybody.
func (c *runCmd) auth() (*daemon.Auth, error) {
	if c.JWTSecret == "" {
		return nil, nil
	}
	secret, err := os.ReadFile(c.JWTSecret)
	if err != nil {
		return nil, err
	}
	if secret = bytes.TrimSpace(secret); len(secret) == 0 {
		return nil, fmt.Errorf("%s: is empty, want the secret of tokens", c.JWTSecret)
	}
	return &daemon.Auth{Secret: secret, Algorithm: c.JWTAlgorithm, Lifetime: c.JWTLifetime}, nil
}

// serve serves until the context ends, and then as long as requests last, but no longer
// than grace.
func serve(ctx context.Context, s *httpd.Server, l net.Listener, h http.Handler, grace time.Duration) error {
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l, nil, h) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := s.Shutdown(last)
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.Join(errors.New("requests were cut off at the end of the grace period"), s.Close())
	}
	<-ended
	return err
}
