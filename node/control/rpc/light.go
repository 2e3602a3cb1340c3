package rpc

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/light"
	"github.com/redstuff-go/redstuff/node/ledger/tree"
)

// Light has a [Handler] serve light clients, too.
func Light(s light.Source) Option {
	return func(mux *http.ServeMux) {
		serve := func(path string, answer func(*http.Request) ([]byte, error)) {
			mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
				data, err := answer(r)
				if err != nil {
					fail(w, err)
					return
				}
				w.Header().Set("Content-Type", "application/octet-stream")
				_, _ = w.Write(data) // a client that has gone learns nothing
			})
		}
		serve(CheckpointPath, func(r *http.Request) ([]byte, error) {
			c, err := s.Last(r.Context())
			if err != nil {
				return nil, err
			}
			return light.MarshalCheckpoint(c), nil
		})
		serve(HandoversPath, func(r *http.Request) ([]byte, error) {
			from, err := number(r.URL.Query(), "from", 1, 1<<32-1)
			if err != nil {
				return nil, err
			}
			all, err := s.Handovers(r.Context(), uint32(from))
			if err != nil {
				return nil, err
			}
			return light.MarshalHandovers(all), nil
		})
		serve(CommitteePath, func(r *http.Request) ([]byte, error) {
			epoch, err := number(r.URL.Query(), "epoch", 1, 1<<32-1)
			if err != nil {
				return nil, err
			}
			c, err := s.Committee(r.Context(), uint32(epoch))
			if err != nil {
				return nil, err
			}
			return light.MarshalCommittee(c), nil
		})
		serve(LightProofPath, func(r *http.Request) ([]byte, error) {
			q := r.URL.Query()
			height, err := number(q, "height", 0, 1<<64-1)
			if err != nil {
				return nil, err
			}
			at, err := key(q, "key")
			if err == nil && len(at) == 0 {
				err = errors.Join(errQuery, errors.New("key is missing"))
			}
			if err != nil {
				return nil, err
			}
			p, err := s.Prove(r.Context(), height, at)
			if err != nil {
				return nil, err
			}
			return p.MarshalBinary()
		})
	}
}

var _ light.Source = (*LightSource)(nil)

// LightSource is where a light client's messages come from over HTTP: one server of a
// ledger. It is safe for concurrent use. Its errors are those of the connection, wrap
// light.ErrUnknown for what the server does not have, or light.ErrMessage.
type LightSource struct {
	server   server
	received atomic.Int64
}

// NewLightSource returns the source at a URL such as http://127.0.0.1:7000. It does not
// connect. Requests end with their contexts, and after 90 s in any case.
func NewLightSource(url string) *LightSource {
	return &LightSource{server: *newServer(url, newHTTP())}
}

// Received returns how many bytes of messages have come.
func (l *LightSource) Received() int64 { return l.received.Load() }

// Name returns the URL.
func (l *LightSource) Name() string { return l.server.base }

// get asks for a message.
func (l *LightSource) get(ctx context.Context, path string) ([]byte, error) {
	data, err := l.server.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.Name(), err)
	}
	l.received.Add(int64(len(data)))
	return data, nil
}

// Last asks for the last checkpoint that is certified.
func (l *LightSource) Last(ctx context.Context) (*ledger.Certified, error) {
	data, err := l.get(ctx, CheckpointPath)
	if err != nil {
		return nil, err
	}
	return light.ParseCheckpoint(data)
}

// Handovers asks for handovers from an epoch on.
func (l *LightSource) Handovers(ctx context.Context, from uint32) ([]light.Handover, error) {
	data, err := l.get(ctx, fmt.Sprintf("%s?from=%d", HandoversPath, from))
	if err != nil {
		return nil, err
	}
	return light.ParseHandovers(data)
}

// Committee asks for the committee of an epoch.
func (l *LightSource) Committee(ctx context.Context, epoch uint32) (*ledger.Committee, error) {
	data, err := l.get(ctx, fmt.Sprintf("%s?epoch=%d", CommitteePath, epoch))
	if err != nil {
		return nil, err
	}
	return light.ParseCommittee(data)
}

// Prove asks for a proof in the state of a height.
func (l *LightSource) Prove(ctx context.Context, height uint64, key []byte) (*tree.Proof, error) {
	data, err := l.get(ctx, fmt.Sprintf("%s?height=%d&key=%s", LightProofPath, height, hex.EncodeToString(key)))
	if err != nil {
		return nil, err
	}
	p := new(tree.Proof)
	if err := p.UnmarshalBinary(data); err != nil {
		return nil, fmt.Errorf("%w: %w", chain.ErrAnswer, err)
	}
	return p, nil
}
