package sdk

import (
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/internal/bcs"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/placement"
	"github.com/redstuff-go/redstuff/node/store"
	"github.com/redstuff-go/redstuff/rs2d"
)

// invalidator attests that there is no blob of an id, to whoever proves it.
type invalidator struct{ *shared }

// postProof takes a proof that the blob was encoded wrongly. The node keeps it, as one that other
// nodes have sent, and attests it in Walrus's words.
func (f invalidator) postProof(r *request) error {
	axis, err := api.ParseAxis(r.PathValue("axis"))
	if err != nil {
		badRequest(r, err)
		return errAnswered
	}
	info, err := f.Store.Info(r.id)
	if err != nil {
		return err
	}
	if !info.Has(store.Metadata) {
		return unmet("METADATA_NOT_FOUND", "the node has no metadata of the blob")
	}
	body, ok := r.ReadBody(placement.MaxProof(f.params))
	if !ok {
		return errAnswered
	}
	meta, err := f.allMetadata(r)
	if err != nil {
		return err
	}
	proof, err := parseProof(f.params, meta, axis, body)
	if err != nil {
		return invalid("INVALID_PROOF", err.Error())
	}
	done, err := r.Turn(r.Context())
	if err != nil {
		return err
	}
	err = f.Code.VerifyInconsistency(meta, proof)
	done()
	if err != nil {
		return invalid("INVALID_PROOF", err.Error())
	}
	if !info.Has(store.Proof) {
		raw, err := proof.MarshalBinary()
		if err != nil {
			return err
		}
		if err := f.Store.Apply(r.id, store.Update{Records: map[store.Record][]byte{store.Proof: raw}}); err != nil {
			return err
		}
	}
	what := committee.Attestation{Kind: committee.WalrusInvalid, Blob: r.id}
	signature := f.Signer.Attest(r.view.Committee, what)
	r.answer(http.StatusOK, map[string]string{
		"serializedMessage": base64.StdEncoding.EncodeToString(what.WalrusMessage(r.view.Epoch())),
		"signature":         base64.StdEncoding.EncodeToString(signature[:]),
	})
	return nil
}

// parseProof reads Walrus's InconsistencyProof of a sliver of an axis: its index, and as many
// RecoverySymbols of it as determine it. Nothing is verified.
func parseProof(p commit.Params, meta *commit.Metadata, axis rs2d.Axis, data []byte) (*rs2d.InconsistencyProof, error) {
	symbols := p.S
	if axis == rs2d.Secondary {
		symbols = p.P
	}
	r := bcs.NewReader(data)
	proof := &rs2d.InconsistencyProof{Target: rs2d.SliverRef{Axis: axis, Index: int(r.U16("the target's index"))}}
	count := r.Length(commit.MaxShards, "the number of symbols")
	data = r.Bytes(r.Remaining(), "symbols")
	if err := r.Done(); err != nil {
		return nil, fmt.Errorf("no proof in BCS: %w", err)
	}
	if count != symbols {
		return nil, fmt.Errorf("%d symbols, and a %v sliver is determined by %d", count, axis, symbols)
	}
	for range count {
		var s rs2d.Symbol
		var err error
		if s, data, err = rs2d.CutSymbol(meta, proof.Target, data); err != nil {
			return nil, err
		}
		proof.Symbols = append(proof.Symbols, s)
	}
	if len(data) > 0 {
		return nil, fmt.Errorf("%d bytes follow the proof", len(data))
	}
	return proof, nil
}
