package sdk

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/store"
)

// admitter lets requests write that may.
type admitter struct {
	*shared
	tokens map[[sha256.Size]byte]string // names of writers, by the hashes of their tokens
}

func newAdmitter(s *shared) *admitter {
	a := &admitter{s, make(map[[sha256.Size]byte]string)}
	for _, token := range s.Tokens {
		digest := sha256.Sum256([]byte(token))
		a.tokens[digest] = "token " + base64.RawURLEncoding.EncodeToString(digest[:9])
	}
	return a
}

// admission is what lets a request write.
type admission struct {
	end    uint32 // the epoch before which the blob's storage ends; 0 is never
	writer string // whose the bytes count as; empty where somebody pays for them
}

// admit finds out whether the request may write its blob.
func (f *admitter) admit(r *request) (a admission, err error) {
	return f.admitFor(r, committee.Attestation{Blob: r.id})
}

// admitFor is admit where the blob has a registration that the attestation may be of.
func (f *admitter) admitFor(r *request, what committee.Attestation) (a admission, err error) {
	if f.Registry == nil {
		token, ok := strings.CutPrefix(r.Request.Header.Get("Authorization"), "Bearer ")
		if ok {
			// The token is looked up by its hash: how long that takes tells nothing of others.
			a.writer, ok = f.tokens[sha256.Sum256([]byte(token))]
		}
		if !ok {
			r.Header().Set("WWW-Authenticate", "Bearer")
			return a, &walrusapi.Error{Code: http.StatusUnauthorized, Status: "UNAUTHENTICATED", Reason: "REQUEST_UNAUTHENTICATED", Domain: domain,
				Message: "blobs are not registered here: writing needs a token of the node's operator, as Authorization: Bearer TOKEN"}
		}
		return a, nil
	}
	a.end, err = f.Registry.AwaitFor(r.Context(), what)
	if errors.Is(err, control.ErrUnregistered) {
		err = unmet("NOT_REGISTERED", notRegistered(what))
	}
	return a, err
}

// notRegistered says what the ledger does not know.
func notRegistered(what committee.Attestation) string {
	object, named := what.Registration()
	switch {
	case named:
		return fmt.Sprintf("the ledger has no deletable registration 0x%x of the blob", object)
	case what.Kind != 0:
		return "the blob is not registered on the ledger as permanent"
	}
	return "the blob is not registered on the ledger"
}

// quotaPart is the part of what is free on the disk that may be pending of one token.
const quotaPart = 8

// withinQuota finds out whether the writer may send as much more as the body has.
func (f *admitter) withinQuota(r *request, a admission, info *store.Info) error {
	if a.writer == "" || info.Certified() {
		return nil
	}
	quota := f.PendingQuota
	if quota == 0 {
		free, ok := f.Store.Free()
		if !ok {
			return nil
		}
		quota = int64(min(free/quotaPart, 1<<62))
	}
	usage, err := f.Store.Usage(a.writer)
	if err == nil && r.ContentLength > quota-usage.Pending {
		err = unmet("CACHE_SATURATED", fmt.Sprintf("%d bytes of blobs without a certificate are here of this token, and there may be %d: certify them", usage.Pending, quota))
	}
	return err
}

// apply changes the store, if the blob is registered still.
func (f *admitter) apply(r *request, a admission, u store.Update) error {
	u.Writer, u.AtLeast = a.writer, a.end
	u.If = func(i store.Info) bool {
		return !i.Has(store.InvalidBlobCertificate) && (f.Registry == nil || f.Registry.Live(r.id))
	}
	return f.Store.Apply(r.id, u)
}

// lasts reports whether what is stored is kept as long as it is registered.
func lasts(info *store.Info, a admission) bool { return info.End == 0 || info.End >= a.end }
