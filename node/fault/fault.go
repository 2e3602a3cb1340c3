// Package fault makes a node misbehave on command, for tests and for load generators
// that show what a cluster does about it. It wraps a node's handler, see
// node.RunWrapped; the node itself stays honest.
package fault

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/pause"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
)

// Kind is a set of ways to misbehave.
type Kind uint32

const (
	// Corrupt flips a bit in every sliver and every batch of symbols that goes out.
	Corrupt Kind = 1 << iota
	// OtherBlob answers requests for one blob from another one, symbols with their
	// valid proofs included.
	OtherBlob
	// FalseAck takes writes, keeps nothing, and answers with a signature that is none.
	FalseAck
	// Stall takes requests and never answers.
	Stall
	// Slow waits before every answer.
	Slow
	// Refuse answers that the node is overloaded.
	Refuse
	// Drip sends every answer at the rate of SetRate.
	Drip
	// DripSymbols sends answers that hold symbols at the rate of SetRate, and all others
	// as they are.
	DripSymbols
	// SlowList lists the node's blobs one a page, each after the delay of SetDelay.
	SlowList
	// InventBlobs lists blobs that do not exist, without end: some without a certificate,
	// some with a forged one.
	InventBlobs
)

// Injector misbehaves. The zero value does not. It is safe for concurrent use.
type Injector struct {
	kind  atomic.Uint32
	delay atomic.Int64
	rate  atomic.Int64
	// Other returns another blob for OtherBlob. It is called for each request. A node
	// has the same pairs of blobs of the same rotation only.
	Other func(commit.BlobID) (commit.BlobID, bool)
}

// Set says how to misbehave from now on.
func (i *Injector) Set(k Kind) { i.kind.Store(uint32(k)) }

// SetDelay says how long Slow and SlowList wait.
func (i *Injector) SetDelay(d time.Duration) { i.delay.Store(int64(d)) }

// SetRate says how many bytes a second Drip and DripSymbols send; 10 if it was never
// set.
func (i *Injector) SetRate(bytes int64) { i.rate.Store(bytes) }

// Has reports whether the injector misbehaves so at present.
func (i *Injector) Has(k Kind) bool { return Kind(i.kind.Load())&k != 0 }

// Wrap returns a handler that misbehaves. Requests for health are left alone.
func (i *Injector) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == api.HealthPath {
			next.ServeHTTP(w, r)
			return
		}
		if i.Has(Stall) {
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // to return would be an answer, an empty one
		}
		if i.Has(Slow) && pause.For(r.Context(), time.Duration(i.delay.Load())) != nil {
			return
		}
		if i.Has(Refuse) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if i.Has(FalseAck) && r.Method == http.MethodPut {
			falseAck(w, r)
			return
		}
		if i.Has(InventBlobs) && r.Method == http.MethodGet && r.URL.Path == api.BlobsPath {
			invent(w, r, next)
			return
		}
		if i.Has(SlowList) && r.URL.Path == api.BlobsPath {
			if pause.For(r.Context(), time.Duration(i.delay.Load())) != nil {
				return
			}
			query := r.URL.Query()
			query.Set("limit", "1")
			r.URL.RawQuery = query.Encode()
		}
		if i.Has(OtherBlob) {
			i.swap(r)
		}
		if i.Has(Drip) || i.Has(DripSymbols) && holdsSymbols(r) {
			w = &dripper{ResponseWriter: w, rate: cmp.Or(i.rate.Load(), defaultRate), done: r.Context().Done()}
		}
		switch {
		case !i.Has(Corrupt):
		case strings.Contains(r.URL.Path, api.SliversPath) || r.URL.Path == api.SymbolsPath:
			w = &corrupter{ResponseWriter: w}
		case strings.HasSuffix(r.URL.Path, api.RecoveryPath) || strings.HasSuffix(r.URL.Path, api.DecodingPath):
			w = &corrupter{ResponseWriter: w, at: symbolHead}
		}
		next.ServeHTTP(w, r)
	})
}

func falseAck(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	signature, _ := committee.Signature{1}.MarshalText()
	w.Header().Set("Content-Type", api.TypeJSON)
	_, _ = io.WriteString(w, `{"member":"liar","signature":"`+string(signature)+`"}`)
}

// swap lets a request be about another blob.
func (i *Injector) swap(r *http.Request) {
	if i.Other == nil {
		return
	}
	if r.URL.Path == api.SymbolsPath {
		body, err := io.ReadAll(io.LimitReader(r.Body, api.MaxRequestBody))
		if err != nil {
			return
		}
		requests, err := api.ParseRequests(body, commit.MaxShards)
		if err == nil {
			for j := range requests {
				if other, ok := i.Other(requests[j].Blob); ok {
					requests[j].Blob = other
				}
			}
			body = api.AppendRequests(nil, requests)
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		return
	}
	rest, ok := strings.CutPrefix(r.URL.Path, api.BlobsPath+"/")
	if !ok || r.Method != http.MethodGet {
		return
	}
	text, rest, _ := strings.Cut(rest, "/")
	id, err := commit.ParseBlobID(text)
	if err != nil {
		return
	}
	if other, ok := i.Other(id); ok {
		r.URL.Path = api.BlobPath(other, "/"+rest)
	}
}

// corrupter flips a bit of the first byte of every piece of data.
type corrupter struct {
	http.ResponseWriter
	at     int // which byte is changed of what is not in frames
	frames frameWalker
}

// symbolHead is what precedes the first byte of a symbol in BCS at most: where it was taken
// from, and its length.
const symbolHead = 2 + 3

// Unwrap lets http.ResponseController find the connection.
func (c *corrupter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *corrupter) Write(b []byte) (int, error) {
	kind := c.Header().Get("Content-Type")
	if kind == api.TypeJSON {
		return c.ResponseWriter.Write(b)
	}
	wrong := bytes.Clone(b)
	if kind == api.TypeFrames {
		c.frames.walk(wrong, func(first *byte) { *first ^= 0x10 })
	} else if c.at < len(b) {
		wrong[c.at] ^= 0x10
	}
	return c.ResponseWriter.Write(wrong)
}

// frameWalker finds frames in a stream, however it is cut.
type frameWalker struct {
	head []byte // of a frame, as much as has come
	left uint32 // bytes of the frame that have not come
	data bool   // they are of a sliver or of symbols, and none has come
}

// walk calls data with the first byte of each frame of slivers or symbols.
func (f *frameWalker) walk(b []byte, data func(first *byte)) {
	for len(b) > 0 {
		if f.left == 0 {
			n := min(len(b), api.FrameHeaderSize-len(f.head))
			f.head, b = append(f.head, b[:n]...), b[n:]
			if len(f.head) == api.FrameHeaderSize {
				h := api.FrameHeaderOf([api.FrameHeaderSize]byte(f.head))
				f.head, f.left, f.data = f.head[:0], h.Length, h.Kind == api.FrameSliver || h.Kind == api.FrameSymbols
			}
			continue
		}
		if f.data {
			data(&b[0])
			f.data = false
		}
		n := uint32(min(int64(len(b)), int64(f.left)))
		f.left, b = f.left-n, b[n:]
	}
}
