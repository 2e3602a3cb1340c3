package sdk

import (
	"encoding/base64"
	"math"
	"slices"
	"time"

	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/store"
)

// teller tells what there is.
type teller struct{ *shared }

// there names whether something is stored. Nothing is ever held back here.
func there(ok bool) string {
	if ok {
		return "stored"
	}
	return "nonexistent"
}

func (f teller) getMetadataStatus(r *request) error {
	info, err := f.Store.Info(r.id)
	if err != nil {
		return err
	}
	r.answer(200, there(info.Has(store.Metadata)))
	return nil
}

func (f teller) getSliverStatus(r *request) error {
	ref, err := f.ref(r)
	if err != nil {
		return err
	}
	info, err := f.Store.Info(r.id)
	if err != nil {
		return err
	}
	r.answer(200, there(slices.ContainsFunc(info.Slivers, func(e store.Entry) bool { return e.Ref == ref })))
	return nil
}

// deletableCounts are how many registrations may be deleted.
type deletableCounts struct {
	Total     int `json:"count_deletable_total"`
	Certified int `json:"count_deletable_certified"`
}

// permanentStatus is the state of a blob that stays until an epoch.
type permanentStatus struct {
	End       uint32          `json:"endEpoch"`
	Certified bool            `json:"isCertified"`
	Event     walrusapi.Event `json:"statusEvent"`
	Counts    deletableCounts `json:"deletableCounts"`
	Initial   *uint32         `json:"initialCertifiedEpoch"`
}

// deletableStatus is the state of a blob that may go at any time.
type deletableStatus struct {
	Initial *uint32         `json:"initialCertifiedEpoch"`
	Counts  deletableCounts `json:"deletableCounts"`
}

func (f teller) getStatus(r *request) error {
	info, err := f.Store.Info(r.id)
	if err != nil {
		return err
	}
	if info.Has(store.InvalidBlobCertificate) {
		r.answer(200, map[string]any{"invalid": map[string]any{"event": walrusapi.EventOf(r.id)}})
		return nil
	}
	if f.Ledger != nil {
		b, err := f.Ledger.Blob(r.Context(), r.id)
		if err != nil {
			return unavailable("the ledger does not answer")
		}
		r.answer(200, statusOf(b))
		return nil
	}
	if !info.Certified() {
		r.answer(200, "nonexistent")
		return nil
	}
	epoch := uint32(r.view.Epoch())
	r.answer(200, map[string]any{"permanent": permanentStatus{End: math.MaxUint32, Certified: true, Event: walrusapi.EventOf(r.id), Initial: &epoch}})
	return nil
}

// statusOf returns what a ledger says of a blob: the same words at all nodes.
func statusOf(b chain.Blob) any {
	if b.Invalid {
		return map[string]any{"invalid": map[string]any{"event": walrusapi.EventOf(b.ID)}}
	}
	var counts deletableCounts
	var best *chain.Registration // the permanent one that lasts longest, of those that are certified if there is one
	for _, r := range b.Registrations {
		switch {
		case r.Deletable:
			counts.Total++
			if r.Certified != nil {
				counts.Certified++
			}
		case best == nil || best.Certified == nil && r.Certified != nil || (best.Certified == nil) == (r.Certified == nil) && r.Storage.End > best.Storage.End:
			best = &r
		}
	}
	switch {
	case best != nil:
		return map[string]any{"permanent": permanentStatus{
			End: best.Storage.End, Certified: best.Certified != nil, Event: walrusapi.EventOf(best.Object), Counts: counts, Initial: b.Certified,
		}}
	case counts.Total > 0:
		return map[string]any{"deletable": deletableStatus{Initial: b.Certified, Counts: counts}}
	}
	return "nonexistent"
}

func (f teller) getHealth(r *request) error {
	up := time.Since(f.Started)
	key := f.Signer.Public().Bytes()
	owned, state := 0, "Standby"
	if r.view.Member >= 0 {
		key = r.view.Committee.Member(r.view.Member).PublicKey.Bytes()
		owned, state = r.view.Weight(r.view.Member), "Active"
	}
	ready, recovering := owned, 0
	if f.State != nil && f.State() != api.StateHealthy {
		ready, recovering = 0, owned
	}
	status := "ready"
	if ready < owned {
		status = "inRecovery"
	}
	health := map[string]any{
		"uptime": map[string]any{"secs": int64(up / time.Second), "nanos": int64(up % time.Second)},
		"epoch":  r.view.Epoch(), "publicKey": base64.StdEncoding.EncodeToString(key[:]), "nodeStatus": state,
		"eventProgress": map[string]any{"persisted": 0, "pending": 0, "highestFinishedEventIndex": 0},
		"shardSummary": map[string]any{
			"owned": owned, "readOnly": 0,
			"ownedShardStatus": map[string]int{"unknown": 0, "ready": ready, "inTransfer": 0, "inRecovery": recovering},
		},
	}
	if r.URL.Query().Get("detailed") == "true" {
		shards := []map[string]any{}
		if r.view.Member >= 0 {
			for _, shard := range r.view.Committee.Member(r.view.Member).Shards {
				shards = append(shards, map[string]any{"shard": shard, "status": status})
			}
		}
		health["shardDetail"] = map[string]any{"owned": shards, "other": []any{}}
	}
	r.answer(200, health)
	return nil
}
