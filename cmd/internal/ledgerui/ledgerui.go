// Package ledgerui is how the commands show people and programs a ledger.
package ledgerui

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/ledger"
)

// StatusJSON names what a status in JSON has.
const StatusJSON = `chain, name, shards, height, root, time_millis, epoch, phase (sync, done or selected), due_millis, epoch_millis, next_epoch_millis (at the earliest), sync_weight, members, storage_price and write_price (of a MiB), capacity and used (bytes), fee_per_byte, burned; parameters (missing, error, strikes, penalty, fines_shared, sender, receiver, helpers: what members vote for, see rs2d-node vote) and next_parameters (of the next epoch, when it is selected), where members are challenged or fined; challenge, if there was one: epoch, height (at which it was armed), kind (light or full), stage (armed, running or closed), blobs, drawn, draws (of a light one, how many blobs are drawn if there are so many), acked and passed (members), passed_weight (shards), deadline_millis; challenged, if there was one: of each member node (its id), name, shards, acked (until it has started), passed, failed_in_row, slashed, and, if an epoch with it has ended, last (epoch, verdict: undecided, passed, unproven or failed; reward).`

// Report is how a ledger is, and how its members stand.
type Report struct {
	chain.Status
	Challenged []chain.ChallengedMember `json:"challenged,omitempty"`
}

// Ask asks a ledger how it is.
func Ask(ctx context.Context, l chain.Ledger) (r Report, err error) {
	if r.Status, err = l.Status(ctx); err != nil || r.Challenge == nil {
		return r, err
	}
	r.Challenged, err = chain.ChallengedMembers(ctx, l)
	return r, err
}

// Status prints how a ledger is.
func Status(w io.Writer, r Report) error {
	s := r.Status
	t := ui.NewTable(w)
	t.Row("network", s.Name)
	t.Row("chain", fmt.Sprintf("%x", []byte(s.Chain)))
	t.Row("height", ui.Count(s.Height))
	t.Row("root", fmt.Sprintf("%x", []byte(s.Root)))
	t.Row("epoch", fmt.Sprintf("%d, %s; the next one begins %s", s.Epoch, phases[s.Phase], Date(s.Start(s.Epoch+1))))
	t.Row("committee", fmt.Sprintf("%d nodes, %d shards", s.Members, s.Shards))
	t.Row("storage", fmt.Sprintf("%s of %s reserved", ui.Bytes(s.Used), ui.Bytes(s.Capacity)))
	if c := s.Challenge; c != nil {
		t.Row("challenge", Challenge(c, s.Shards))
	}
	if now := Parameters(s); now != "" {
		t.Row("parameters", now)
	}
	t.Row("prices", fmt.Sprintf("%s a MiB and epoch, %s a MiB written, fee %s a byte", ui.Count(s.StoragePrice), ui.Count(s.WritePrice), ui.Count(s.FeePerByte)))
	if err := t.Flush(); err != nil || len(r.Challenged) == 0 {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return Challenged(w, s.Challenge, r.Challenged)
}

// Challenged prints how members stand in a challenge.
func Challenged(w io.Writer, c *chain.ChallengeStatus, members []chain.ChallengedMember) error {
	t := ui.NewTable(w)
	t.Row("NODE", "SHARDS", fmt.Sprintf("EPOCH %d", c.Epoch), "LAST EPOCH", "REWARD", "FAILED IN ROW", "SLASHED")
	for _, m := range members {
		last, reward := "-", "-"
		if m.Last != nil {
			last, reward = fmt.Sprintf("%d: %s", m.Last.Epoch, m.Last.Verdict), ui.Count(m.Last.Reward)
		}
		t.Row(m.Name, fmt.Sprint(m.Shards), standing(c, m), last, reward, fmt.Sprint(m.FailedInRow), ui.Count(m.Slashed))
	}
	return t.Flush()
}

// standing says how a member stands in a challenge.
func standing(c *chain.ChallengeStatus, m chain.ChallengedMember) string {
	switch {
	case m.Passed:
		return "passed"
	case c.Drawn == 0 && m.Acked:
		return "acked"
	case c.Stage == "closed":
		return "not passed"
	}
	return "waiting"
}

// Challenge says how far a challenge is.
func Challenge(c *chain.ChallengeStatus, shards int) string {
	how := fmt.Sprintf("of epoch %d, %s, armed at height %d, %s", c.Epoch, c.Kind, c.Height, c.Stage)
	if c.Drawn == 0 && c.Passed == 0 {
		return fmt.Sprintf("%s: %d nodes have acked", how, c.Acked)
	}
	return fmt.Sprintf("%s: %s of %s blobs proven by %d nodes with %d of %d shards", how, ui.Count(c.Drawn), ui.Count(c.Blobs), c.Passed, c.PassedWeight, shards)
}

// Parameters says what members vote for of challenges and fines, and what changes with the next
// epoch; nothing where nobody is challenged or fined.
func Parameters(s chain.Status) string {
	now, next := s.Parameters.Ledger(), s.NextParameters.Ledger()
	if s.Parameters == nil && s.NextParameters == nil {
		return ""
	}
	var all, changes strings.Builder
	for _, p := range ledger.AllParameters() {
		if p < ledger.ParameterSender && now.Strikes == 0 {
			continue // there are no challenges
		}
		fmt.Fprintf(&all, "%v %d, ", p, p.Of(now))
		if s.Phase == ledger.PhaseSelected.String() && p.Of(now) != p.Of(next) {
			fmt.Fprintf(&changes, ", %v %d", p, p.Of(next))
		}
	}
	text := strings.TrimSuffix(all.String(), ", ")
	if changes.Len() > 0 {
		text += fmt.Sprintf("; from epoch %d on%s", s.Epoch+1, strings.TrimPrefix(changes.String(), ","))
	}
	return text
}

// phases says what the phases of an epoch are.
var phases = map[string]string{
	"sync":     "whose committee fetches its shards",
	"done":     "whose committee has its shards",
	"selected": "with the next committee selected",
}

// Date writes a time to the minute; one that is not known is later.
func Date(t time.Time) string {
	if t.IsZero() {
		return "later"
	}
	return t.Format("2006-01-02 15:04 UTC")
}

// Epoch writes an epoch to come, and when it begins.
func Epoch(s chain.Status, epoch uint32) string {
	start := s.Start(epoch)
	if start.IsZero() {
		return fmt.Sprintf("epoch %d", epoch)
	}
	return fmt.Sprintf("epoch %d (%s)", epoch, Date(start))
}

// Times for which a ledger is asked to wait for events: for more of them, and for those
// that there are, which come at once.
const (
	followTime = 30 * time.Second
	listTime   = 1900 * time.Millisecond // of which a server waits for none
)

// Events calls f with the events from a height on, up to what there is; or, if they are
// followed, until the context ends.
func Events(ctx context.Context, l chain.Ledger, from uint64, follow bool, f func(chain.Event) error) error {
	status, err := l.Status(ctx)
	if err != nil {
		return err
	}
	wait := listTime
	if follow {
		wait = followTime
	}
	for at := (chain.Cursor{Height: from}); follow || at.Height <= status.Height; {
		limited, cancel := context.WithTimeout(ctx, wait)
		events, next, err := l.Events(limited, at, rpc.MaxEvents)
		cancel()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := f(e); err != nil {
				return err
			}
		}
		if !follow && next == at {
			return nil
		}
		at = next
	}
	return nil
}

// Event prints an event in a line, of JSON if that was asked for.
func Event(w io.Writer, e chain.Event, asJSON bool) error {
	out, err := rpc.EventOf(e)
	if err != nil {
		return err
	}
	if asJSON {
		line, err := json.Marshal(out)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n", line)
		return err
	}
	_, err = fmt.Fprintf(w, "%d.%d  %s%s\n", out.Height, out.Index, out.Kind, words(out.Fields))
	return err
}

// words writes the fields of a JSON object as words: name=value.
func words(fields json.RawMessage) string {
	var out strings.Builder
	for d := json.NewDecoder(bytes.NewReader(fields)); ; {
		token, err := d.Token()
		if err != nil {
			return out.String()
		}
		name, ok := token.(string)
		if !ok {
			continue // a brace
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return out.String()
		}
		if text := ""; json.Unmarshal(value, &text) == nil && !strings.ContainsFunc(text, unicode.IsSpace) && text != "" {
			value = []byte(text)
		}
		fmt.Fprintf(&out, " %s=%s", name, value)
	}
}
