package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/redstuff-go/redstuff/cmd/internal/ctxio"
	"github.com/redstuff-go/redstuff/cmd/internal/ui"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/genesis"
	"github.com/redstuff-go/redstuff/node/control/rpc"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/ledger/light"
)

type ledgerVerifyCmd struct {
	askFlags
	MaxAge      time.Duration  `placeholder:"TIME" help:"Age of the last checkpoint that is accepted; default any."`
	Certificate string         `placeholder:"FILE" help:"Certificate to verify, of any epoch, such as nodes show of a blob."`
	Account     ledger.Address `placeholder:"ADDRESS" help:"The key is that of an account."`
	Object      string         `placeholder:"OBJECT" help:"The key is that of a blob's registration, as stat shows it."`
	Key         string         `arg:"" optional:"" placeholder:"HEX" help:"Key of the state in hexadecimal."`
}

func (c *ledgerVerifyCmd) Help() string {
	return `Trusts the genesis and nobody else: the first committee follows from it, each committee has signed the next one, and the last one the state, against which the value of a key or its absence is proven. Blocks are not replayed. Of several ledgers, with commas between them, the newest checkpoint counts, and what one of them says wrongly another one may say rightly.

The exit code is 1 if something does not hold, or nobody answers. That a key has no value is no failure: it is proven.

Example: rs2d ledger verify --genesis cluster/genesis.toml --ledger http://127.0.0.1:7000 --account ADDRESS

JSON: chain, epoch (the last one whose committee is known), checkpoint (epoch, height, time_millis, root; epoch 0 is the genesis), followed (epochs, in this run), signatures (aggregates that were verified), bytes (received), seconds; certificate (kind, epoch, blob, object, signers, weight); key, found, value (in hexadecimal), account (nonce, balance) or registration (owner, blob, end_epoch, deletable, certified_epoch).`
}

// ledgerVerifyReport is what ledger verify prints as JSON.
type ledgerVerifyReport struct {
	Chain       string             `json:"chain"`
	Epoch       uint32             `json:"epoch"`
	Checkpoint  verifiedCheckpoint `json:"checkpoint"`
	Followed    int                `json:"followed"`
	Signatures  int                `json:"signatures"`
	Bytes       int64              `json:"bytes"`
	Seconds     float64            `json:"seconds"`
	Certificate *verifiedCert      `json:"certificate,omitempty"`
	*verifiedValue
}

type verifiedCheckpoint struct {
	Epoch      uint32    `json:"epoch"`
	Height     uint64    `json:"height"`
	TimeMillis uint64    `json:"time_millis"`
	Root       chain.Hex `json:"root"`
}

type verifiedCert struct {
	Kind    string   `json:"kind"`
	Epoch   uint64   `json:"epoch"`
	Blob    string   `json:"blob"`
	Object  string   `json:"object,omitempty"`
	Signers []string `json:"signers"`
	Weight  int      `json:"weight"` // shards of the signers
}

type verifiedValue struct {
	Key          chain.Hex             `json:"key"`
	Found        bool                  `json:"found"`
	Value        chain.Hex             `json:"value,omitempty"`
	Account      *verifiedAccount      `json:"account,omitempty"`
	Registration *verifiedRegistration `json:"registration,omitempty"`
}

type verifiedAccount struct {
	Nonce   uint64 `json:"nonce"`
	Balance uint64 `json:"balance"`
}

type verifiedRegistration struct {
	Owner     string  `json:"owner"`
	Blob      string  `json:"blob"`
	End       uint32  `json:"end_epoch"`
	Deletable bool    `json:"deletable"`
	Certified *uint32 `json:"certified_epoch,omitempty"`
}

// key returns the key that is asked for, or none.
func (c *ledgerVerifyCmd) key() ([]byte, error) {
	asked := 0
	for _, is := range []bool{c.Account != ledger.Address{}, c.Object != "", c.Key != ""} {
		if is {
			asked++
		}
	}
	switch {
	case asked > 1:
		return nil, errors.New("--account, --object and a key: one of them at a time")
	case c.Account != ledger.Address{}:
		return ledger.AccountKey(c.Account), nil
	case c.Object != "":
		id, err := hex.DecodeString(strings.TrimPrefix(c.Object, "0x"))
		if err != nil || len(id) != len(ledger.ObjectID{}) {
			return nil, fmt.Errorf("--object %q: want 64 hexadecimal digits", c.Object)
		}
		return ledger.BlobKey(ledger.ObjectID(id)), nil
	}
	key, err := hex.DecodeString(c.Key)
	if err != nil {
		return nil, fmt.Errorf("%q is no key of the state: give one in hexadecimal, or --account ADDRESS, or --object OBJECT", c.Key)
	}
	return key, nil
}

// Run verifies a ledger.
func (c *ledgerVerifyCmd) Run(a *app) error {
	if c.Ledger == "" {
		return errNoLedger
	}
	if c.Genesis == "" {
		return errors.New("--genesis FILE is needed, or REDSTUFF_GENESIS in the environment: everything is verified from there")
	}
	if c.MaxAge < 0 {
		return errors.New("--max-age: must not be negative")
	}
	g, err := genesis.Load(c.Genesis)
	if err != nil {
		return err
	}
	key, err := c.key()
	if err != nil {
		return err
	}
	var cert []byte
	if c.Certificate != "" {
		if cert, err = readCertificate(c.Certificate, int(g.Shards)); err != nil {
			return err
		}
	}
	v := &verification{cmd: c, genesis: &g, progress: a.progress}
	ctx, cancel := context.WithTimeout(a.ctx, c.Timeout)
	defer cancel()
	r, err := ctxio.Await(ctx, func() (*ledgerVerifyReport, error) { return v.run(ctx, key, cert) })
	switch {
	case a.ctx.Err() != nil || errors.Is(err, light.ErrStore) || errors.Is(err, ledger.ErrGenesis):
		return errors.Join(err, a.ctx.Err())
	case err != nil && ctx.Err() != nil:
		return found("not done in %v: %w", c.Timeout, err)
	case err != nil:
		return found("%w", err)
	}
	return c.report(a, r, r.print)
}

// readCertificate reads the file of a certificate, which is short.
func readCertificate(name string, shards int) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	most := committee.MaxCertificate(shards)
	data, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err == nil && len(data) > most {
		err = fmt.Errorf("%s: more than the %d bytes of the longest certificate of %d shards", name, most, shards)
	}
	return data, err
}

// verification is one run of the command.
type verification struct {
	cmd      *ledgerVerifyCmd
	genesis  *ledger.Genesis
	progress *ui.Progress
	bar      *ui.Bar
	at       uint32 // the epoch that the bar has come to
	followed int
}

// step shows that another committee is verified.
func (v *verification) step(epoch, to uint32) {
	v.followed++
	if v.bar == nil {
		v.at = epoch - 1
		v.bar = v.progress.Steps("epochs", int64(to-v.at))
	}
	v.bar.Add(int(epoch - v.at))
	v.at = epoch
}

func (v *verification) run(ctx context.Context, key, cert []byte) (*ledgerVerifyReport, error) {
	began := time.Now()
	o := light.Options{MaxAge: v.cmd.MaxAge, Progress: v.step}
	if v.cmd.Trusted != "" {
		o.Store = light.File(v.cmd.Trusted)
	}
	var sources []light.Source
	var counted []*rpc.LightSource
	for url := range strings.SplitSeq(v.cmd.Ledger, ",") {
		s := rpc.NewLightSource(url)
		sources, counted = append(sources, s), append(counted, s)
	}
	client, err := light.New(*v.genesis, o, sources...)
	if err != nil {
		return nil, err
	}
	at, err := client.Sync(ctx)
	if v.bar != nil {
		v.bar.Done()
	}
	if err != nil {
		return nil, err
	}
	r := &ledgerVerifyReport{
		Chain: v.genesis.ChainID().String(), Checkpoint: verifiedCheckpoint{at.Epoch, at.Height, at.Time, at.Root[:]}, Followed: v.followed,
	}
	if at.Height > 0 {
		r.Signatures = v.followed + len(sources)
	}
	if cert != nil {
		if r.Certificate, err = certified(ctx, client, cert); err != nil {
			return nil, err
		}
		r.Signatures++
	}
	if len(key) > 0 {
		if r.verifiedValue, err = v.value(ctx, client, key); err != nil {
			return nil, err
		}
	}
	r.Epoch = uint32(len(client.Trusted().Digests))
	for _, s := range counted {
		r.Bytes += s.Received()
	}
	r.Seconds = time.Since(began).Seconds()
	return r, nil
}

// certified verifies a certificate.
func certified(ctx context.Context, client *light.Client, data []byte) (*verifiedCert, error) {
	cert, err := client.VerifyCertificate(ctx, data)
	if err != nil {
		return nil, fmt.Errorf("the certificate: %w", err)
	}
	of, err := client.Committee(ctx, uint32(cert.Epoch))
	if err != nil {
		return nil, err
	}
	r := &verifiedCert{Kind: cert.Kind.String(), Epoch: cert.Epoch, Blob: cert.Blob.String()}
	if cert.Object != (committee.ObjectID{}) {
		r.Object = ledger.ObjectID(cert.Object).String()
	}
	for i := range of.Len() {
		if cert.Signed(i) {
			r.Signers = append(r.Signers, of.Member(i).Name)
			r.Weight += of.Weight(i)
		}
	}
	return r, nil
}

// value verifies what a key has.
func (v *verification) value(ctx context.Context, client *light.Client, key []byte) (*verifiedValue, error) {
	value, ok, _, err := client.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	r := &verifiedValue{Key: key, Found: ok, Value: value}
	switch {
	case !ok:
	case v.cmd.Account != ledger.Address{}:
		var account ledger.Account
		if err := ledger.Read(value, &account); err != nil {
			return nil, err
		}
		r.Account = &verifiedAccount{account.Nonce, account.Balance}
	case v.cmd.Object != "":
		var b ledger.Blob
		if err := ledger.Read(value, &b); err != nil {
			return nil, err
		}
		r.Registration = &verifiedRegistration{b.Owner.String(), b.ID.String(), b.Storage.End, b.Deletable, b.Certified}
	}
	return r, nil
}

// print prints the report for people.
func (r *ledgerVerifyReport) print(w io.Writer) error {
	t := ui.NewTable(w)
	t.Row("chain", r.Chain)
	t.Row("committees", fmt.Sprintf("%d, %s of them verified now", r.Epoch, ui.Count(r.Followed)))
	if r.Checkpoint.Height == 0 {
		t.Row("checkpoint", "none is certified yet: what is proven was so in the genesis")
	} else {
		t.Row("checkpoint", fmt.Sprintf("height %s, signed by the committee of epoch %d, %s ago", ui.Count(r.Checkpoint.Height), r.Checkpoint.Epoch,
			ui.Duration(time.Since(time.UnixMilli(int64(r.Checkpoint.TimeMillis))))))
	}
	t.Row("root", hex.EncodeToString(r.Checkpoint.Root))
	t.Row("took", fmt.Sprintf("%d signatures, %s, %s", r.Signatures, ui.Bytes(uint64(r.Bytes)), ui.Duration(time.Duration(r.Seconds*float64(time.Second)))))
	if c := r.Certificate; c != nil {
		kind := c.Kind
		if c.Object != "" {
			kind += ", registration " + c.Object
		}
		t.Row("certificate", fmt.Sprintf("of blob %s, %s, epoch %d, by %d nodes with %d shards", c.Blob, kind, c.Epoch, len(c.Signers), c.Weight))
	}
	if v := r.verifiedValue; v != nil {
		t.Row("key", hex.EncodeToString(v.Key))
		switch {
		case !v.Found:
			t.Row("value", "has none")
		case v.Account != nil:
			t.Row("account", fmt.Sprintf("balance %d, nonce %d", v.Account.Balance, v.Account.Nonce))
		case v.Registration != nil:
			t.Row("registration", fmt.Sprintf("of blob %s by %s, until before epoch %d", v.Registration.Blob, v.Registration.Owner, v.Registration.End))
		default:
			t.Row("value", hex.EncodeToString(v.Value))
		}
	}
	return t.Flush()
}
