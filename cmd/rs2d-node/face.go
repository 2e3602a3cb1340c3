package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/redstuff-go/redstuff/gateway/blocklist"
	"github.com/redstuff-go/redstuff/gateway/sdk"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/identity"
	"github.com/redstuff-go/redstuff/node/server"
	"github.com/redstuff-go/redstuff/node/server/httpd"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// faceSettings are those of the node's face for Walrus's SDKs.
type faceSettings struct {
	SDKListen  string `name:"sdk-listen" placeholder:"HOST:PORT" env:"SDK_LISTEN" help:"Address of the API that Walrus's SDKs know, in a network of the scheme walrus. Default none."`
	SDKCert    string `name:"sdk-cert" type:"path" placeholder:"FILE" env:"SDK_CERT" help:"Certificate that this API shows, in PEM, with those it is signed by. Without one it speaks plain HTTP."`
	SDKKey     string `name:"sdk-key" type:"path" placeholder:"FILE" env:"SDK_KEY" help:"Key of the certificate, in PEM."`
	SDKTokens  string `name:"sdk-tokens" type:"path" placeholder:"FILE" env:"SDK_TOKENS" help:"File of the tokens that let somebody write by this API, one a line, where there is no ledger."`
	SDKBlocked string `name:"sdk-blocked" type:"path" placeholder:"FILE" env:"SDK_BLOCKED" help:"File of the ids of blobs that are not given out and not taken by this API, one a line; the answer is 451. It is read again when it has changed."`
}

// tokens reads the file of tokens.
func (c *faceSettings) tokens() (list []string, err error) {
	if c.SDKTokens == "" {
		return nil, nil
	}
	f, err := os.Open(c.SDKTokens)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" {
			list = append(list, line)
		}
	}
	return list, lines.Err()
}

// tls reads the certificate; nil is plain HTTP.
func (c *faceSettings) tls() (*tls.Config, error) {
	if (c.SDKCert == "") != (c.SDKKey == "") {
		return nil, errors.New("--sdk-cert and --sdk-key go together")
	}
	if c.SDKCert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.SDKCert, c.SDKKey)
	if err != nil {
		return nil, fmt.Errorf("--sdk-cert: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}, nil
}

// face is the node's face while it is shown.
type face struct {
	shown    *sdk.Face
	listener net.Listener
	tls      *tls.Config
	grace    time.Duration
	log      *slog.Logger
}

// openFace makes the node's face, or returns nil if there is to be none.
func openFace(c *settings, n *node.Node, keys *identity.Keyring, p *controlPlane, disk *store.Disk, log *slog.Logger) (*face, error) {
	if c.SDKListen == "" {
		if c.SDKCert != "" || c.SDKKey != "" || c.SDKTokens != "" || c.SDKBlocked != "" {
			return nil, errors.New("--sdk-cert, --sdk-key, --sdk-tokens and --sdk-blocked are for the API at --sdk-listen")
		}
		return nil, nil
	}
	config, err := c.tls()
	if err != nil {
		return nil, err
	}
	tokens, err := c.tokens()
	if err != nil {
		return nil, err
	}
	code, err := rs2d.New(p.system.Shards, rs2d.WithScheme(p.system.Scheme), rs2d.WithWorkers(c.Workers))
	if err != nil {
		return nil, err
	}
	view := p.control
	options := sdk.Config{
		Store: disk, Signer: keys, Code: code, Corrupt: n.Healer().Corrupt, Metadata: n.Metadata, State: n.State, Tokens: tokens, Gate: node.Gate(n),
		PendingQuota: int64(c.PendingQuota), Logger: log,
		HTTP: httpd.Options{
			MaxConns: c.MaxConns, MaxRequests: c.MaxRequests, MaxBytes: int64(c.MaxBytes),
			HeaderTimeout: c.HeaderTimeout, StallTimeout: c.StallTimeout, MinRate: int64(c.MinRate),
		},
	}
	if p.follower != nil {
		view, options.Registry, options.Ledger = control.Control(p.follower), p.follower, rpc.NewClient(p.url)
		if tokens != nil {
			return nil, errors.New("--sdk-tokens: on a ledger, whoever has registered a blob may send it")
		}
	}
	if c.SDKBlocked != "" {
		if options.Blocked, err = blocklist.Open(c.SDKBlocked, log); err != nil {
			return nil, fmt.Errorf("--sdk-blocked: %w", err)
		}
	}
	options.View = func() server.View { return server.ViewOf(view.View(), n.ID()) }
	f := &face{tls: config, grace: c.Grace, log: log}
	if f.shown, err = sdk.New(options); err != nil {
		return nil, err
	}
	if f.listener, err = net.Listen("tcp", c.SDKListen); err != nil {
		return nil, err
	}
	log.Info("sdk", "node", n.Name(), "address", f.listener.Addr().String(), "tls", config != nil)
	return f, nil
}

// serve shows the face until the context ends, or calls failed.
func (f *face) serve(ctx context.Context, failed func()) (wait func()) {
	if f == nil {
		return func() {}
	}
	var group sync.WaitGroup
	group.Go(func() {
		if err := f.shown.HTTP().Serve(f.listener, f.tls, f.shown); !errors.Is(err, http.ErrServerClosed) {
			f.log.Error("sdk", "error", err)
			failed()
		}
	})
	group.Go(func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.grace)
		defer cancel()
		if f.shown.HTTP().Shutdown(last) != nil {
			_ = f.shown.HTTP().Close()
		}
	})
	return group.Wait
}
