package sdk

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/internal/bcs"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/gate"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// syncer gives a shard's slivers to members, who sign that they ask for them.
type syncer struct{ *shared }

const (
	// maxSyncRequest is how many slivers may be asked for at once, as in Walrus.
	maxSyncRequest = 100_000
	// maxSyncPage is how many slivers there are in an answer, and maxSyncBytes how many bytes of
	// them if they are more than one. Whoever asks goes on behind the last.
	maxSyncPage  = 1000
	maxSyncBytes = 8 << 20
	// syncLength is how long the request is, with its length and signature, and syncBody the
	// part of it that is behind its epoch, bytes.
	syncBody   = 1 + 2 + 1 + commit.HashSize + 8 + 4
	syncLength = 1 + 3 + 4 + syncBody + committee.SignatureSize
)

// syncRequest asks for slivers of a shard.
type syncRequest struct {
	shard int
	axis  rs2d.Axis
	from  commit.BlobID // the first blob
	count uint64        // at most so many
	epoch uint32        // that the shard is moved in
}

// appendBCS appends Walrus's SyncShardRequest.
func (s syncRequest) appendBCS(dst []byte) []byte {
	dst = bcs.AppendVariant(bcs.AppendU16(bcs.AppendVariant(dst, 0), uint16(s.shard)), uint32(s.axis))
	return bcs.AppendU32(bcs.AppendU64(append(dst, s.from[:]...), s.count), s.epoch)
}

// parseSync reads what appendBCS writes.
func parseSync(body []byte) (s syncRequest, err error) {
	r := bcs.NewReader(body)
	r.Variant(1, "the version of a request for a shard")
	s.shard = int(r.U16("a shard"))
	s.axis = rs2d.Axis(r.Variant(2, "the slivers' axis"))
	r.Fixed(s.from[:], "a blob id")
	s.count = r.U64("the number of slivers")
	s.epoch = r.U32("an epoch")
	return s, r.Done()
}

// parseSigned reads a signed message.
func parseSigned(body []byte) (message []byte, signature committee.Signature, err error) {
	r := bcs.NewReader(body)
	message = r.Slice(math.MaxUint8, "a signed message")
	r.Fixed(signature[:], "a signature")
	return message, signature, r.Done()
}

// memberOf returns the public key of the member that says in a header who it is.
func memberOf(r *request) (key committee.PublicKey, err error) {
	text := r.Request.Header.Get("Authorization")
	if text == "" {
		walrusapi.Text(r, http.StatusUnauthorized, "the header Authorization is to be the public key of a member, in base64")
		return key, errAnswered
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err == nil {
		key, err = committee.ParsePublicKey(raw)
	}
	if err != nil {
		badRequest(r, fmt.Errorf("the header Authorization is no public key of %d bytes in base64", committee.PublicKeySize))
		return key, errAnswered
	}
	for i := range r.view.Len() {
		if r.view.Committee.Member(i).PublicKey.Bytes() == key.Bytes() {
			return key, nil
		}
	}
	return key, failure(http.StatusForbidden, "PERMISSION_DENIED", "REQUEST_UNAUTHORIZED", "the key is of no member of the current committee")
}

func (f syncer) postSync(r *request) error {
	if err := r.isBCS(); err != nil {
		return err
	}
	key, err := memberOf(r)
	if err != nil {
		return err
	}
	body, ok := r.ReadBody(syncLength)
	if !ok {
		return errAnswered
	}
	message, signature, err := parseSigned(body)
	if err != nil {
		return invalid("INVALID_CONTENT_TYPE", "the body is no signed message in BCS: "+err.Error())
	}
	done, err := r.Turn(r.Context())
	if err != nil {
		return err
	}
	epoch, raw, err := committee.VerifyShardRequest(key, message, signature)
	done()
	if err != nil {
		return invalid("MESSAGE_VERIFICATION_FAILED", "the signature is not the member's, or of something else")
	}
	want, err := parseSync(raw)
	if err != nil {
		return invalid("MESSAGE_VERIFICATION_FAILED", "what is signed is no request for a shard: "+err.Error())
	}
	if now := r.view.Epoch(); uint64(epoch) != now || uint64(want.epoch) != now {
		asked := want.epoch
		if uint64(epoch) != now {
			asked = epoch
		}
		return &walrusapi.Error{
			Code: http.StatusBadRequest, Status: "INVALID_ARGUMENT", Reason: "INVALID_EPOCH", Domain: domain,
			Message:  fmt.Sprintf("the request is of epoch %d, and the node is in %d", asked, now),
			Metadata: map[string]string{"request_epoch": strconv.FormatUint(uint64(asked), 10), "server_epoch": strconv.FormatUint(now, 10)},
		}
	}
	if want.count > maxSyncRequest {
		return invalid("SLIVER_COUNT_EXCEEDS_LIMIT", fmt.Sprintf("%d slivers, and there may be %d", want.count, maxSyncRequest))
	}
	// A blob of rotation zero has shards for pairs.
	if !slices.Contains(r.view.Mine(commit.BlobID{}), want.shard) {
		return unmet("SHARD_NOT_ASSIGNED", fmt.Sprintf("the node has no shard %d", want.shard))
	}
	return f.answer(r, &want)
}

// answer answers the shard's slivers, in the order of the blobs' ids. It ends before the first that
// the node withholds: an answer without any says that there are no more.
func (f syncer) answer(r *request, want *syncRequest) error {
	visit := f.Gate.Enter()
	defer visit.Leave()
	if !r.Hold(2 * maxSyncBytes) {
		return errAnswered
	}
	var slivers []byte
	count, after, most := 0, before(want.from), int(min(want.count, maxSyncPage))
	for more := true; more && count < most; {
		done, err := r.Turn(r.Context())
		if err != nil {
			return err
		}
		entries, err := f.Store.Shard(want.shard, after, most)
		if err == nil {
			slivers, count, more, err = f.page(r, visit, want, entries, slivers, count)
		}
		done()
		if err != nil {
			return err
		}
		if len(entries) < most {
			break
		}
		after = &entries[len(entries)-1].Blob
	}
	out := bcs.AppendLength(bcs.AppendVariant(nil, 0), count)
	return r.send(visit, append(out, slivers...))
}

// page adds the slivers of some of a shard's blobs, and reports whether there is room for more. The
// error is for what is withheld, or cannot be read, if it is the first.
func (f syncer) page(r *request, visit *gate.Visit, want *syncRequest, entries []store.ShardEntry, out []byte, count int) ([]byte, int, bool, error) {
	for _, entry := range entries {
		i := slices.IndexFunc(entry.Slivers, func(e store.Entry) bool { return e.Axis == want.axis })
		if i < 0 {
			continue // it is about to be recovered
		}
		due, err := f.due(r, entry.Blob)
		if err == nil && due {
			err = visit.Serves(entry.Blob, asked(want.axis))
		}
		switch {
		case err != nil && count > 0:
			return out, count, false, nil
		case errors.Is(err, gate.ErrWithheld):
			return out, count, false, unavailable(err.Error())
		case err != nil:
			return out, count, false, err
		case !due:
			continue
		}
		size := entry.Slivers[i].Size
		if count > 0 && len(out)+int(size) > maxSyncBytes {
			return out, count, false, nil
		}
		if size > maxSyncBytes && !r.Hold(2*size) {
			return out, count, false, errAnswered
		}
		sliver, err := f.sliverBCS(entry.Blob, entry.Slivers[i].Ref, size)
		var corrupt *store.CorruptError
		if errors.Is(err, store.ErrNotFound) || errors.As(err, &corrupt) {
			_ = f.unread(err) // whoever asks recovers it
			continue
		}
		if err != nil {
			return out, count, false, err
		}
		out = append(bcs.AppendVariant(append(out, entry.Blob[:]...), uint32(want.axis)), sliver...)
		if count++; count >= maxSyncPage || uint64(count) >= want.count {
			return out, count, false, nil
		}
	}
	return out, count, true, nil
}

// due reports whether the blob was certified before this epoch, and lives.
func (f syncer) due(r *request, id commit.BlobID) (bool, error) {
	info, err := f.Store.Info(id)
	if err != nil {
		return false, err
	}
	epoch := r.view.Epoch()
	if !info.Certified() || !info.Needed(epoch) || info.Has(store.InvalidBlobCertificate) {
		return false, nil
	}
	if f.Ledger == nil {
		return true, nil // there is one epoch
	}
	b, err := f.Ledger.Blob(r.Context(), id)
	if err != nil {
		return false, unavailable("the ledger does not answer")
	}
	return !b.Invalid && b.Certified != nil && uint64(*b.Certified) < epoch, nil
}

// before returns the blob id that comes before another one, or nil.
func before(id commit.BlobID) *commit.BlobID {
	for i := len(id) - 1; i >= 0; i-- {
		if id[i]--; id[i] != math.MaxUint8 {
			return &id
		}
	}
	return nil
}
