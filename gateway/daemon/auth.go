package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
)

// Auth says which tokens let somebody write. Whoever holds the secret makes them: each is
// for one write, and may bound its size and its epochs. The form is that of Walrus's
// publisher.
type Auth struct {
	Secret    []byte           // of the signatures
	Algorithm string           // of the signatures: HS256, HS384 or HS512; default HS256
	Lifetime  time.Duration    // that tokens have exactly, from iat to exp; 0 is any
	Now       func() time.Time // default time.Now
}

// withDefaults returns the choices with what is not said filled in, or which one is wrong.
func (a Auth) withDefaults() (Auth, error) {
	if a.Algorithm == "" {
		a.Algorithm = jwt.SigningMethodHS256.Name
	}
	if !strings.HasPrefix(a.Algorithm, "HS") || jwt.GetSigningMethod(a.Algorithm) == nil {
		return a, fmt.Errorf("daemon: Auth.Algorithm is %q, want HS256, HS384 or HS512", a.Algorithm)
	}
	if len(a.Secret) == 0 {
		return a, errors.New("daemon: Auth.Secret is empty")
	}
	if a.Lifetime < 0 {
		return a, fmt.Errorf("daemon: Auth.Lifetime is %v, want at least 0", a.Lifetime)
	}
	if a.Now == nil {
		a.Now = time.Now
	}
	return a, nil
}

// authDomain says whose errors those of tokens are.
const authDomain = "auth.publisher.walrus.space"

// refuseToken returns the failure of a token.
func refuseToken(code int, status, reason, message string) *walrusapi.Error {
	return &walrusapi.Error{Code: code, Status: status, Reason: reason, Message: message, Domain: authDomain}
}

func wrongToken(reason, message string) *walrusapi.Error {
	return refuseToken(http.StatusBadRequest, "FAILED_PRECONDITION", reason, message)
}

// claims are what a token says.
type claims struct {
	Expires   int64   `json:"exp"`
	Issued    *int64  `json:"iat"`
	ID        string  `json:"jti"`
	Owner     *string `json:"send_object_to"`
	Epochs    *uint32 `json:"epochs"`
	MaxEpochs *uint32 `json:"max_epochs"`
	Size      *uint64 `json:"size"`
	MaxSize   *uint64 `json:"max_size"`
}

// gate lets writes pass that have a token.
type gate struct {
	Auth
	mu   sync.Mutex
	used map[string]int64 // tokens, and when each expires
}

// pass is one write that a token is good for.
type pass struct {
	gate   *gate
	claims claims
	spent  bool
}

// open takes a request's token, which nobody else can take from now on until the pass is
// given back.
func (g *gate) open(r *http.Request, o PutOptions) (*pass, error) {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, malformed("writes need a token: Authorization: Bearer TOKEN")
	}
	p := &pass{gate: g}
	if err := g.parse(text, &p.claims); err != nil {
		return nil, err
	}
	if err := g.take(p.claims); err != nil {
		return nil, err
	}
	if err := p.check(o); err != nil {
		p.giveBack()
		return nil, err
	}
	return p, nil
}

// parse verifies a token and reads what it says.
func (g *gate) parse(text string, c *claims) error {
	// The times are looked at below, whose errors are told apart.
	parser := jwt.NewParser(jwt.WithValidMethods([]string{g.Algorithm}), jwt.WithoutClaimsValidation())
	_, err := parser.Parse(text, func(*jwt.Token) (any, error) { return g.Secret, nil })
	switch {
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return refuseToken(http.StatusUnauthorized, "UNAUTHENTICATED", "INVALID_SIGNATURE", "the token's signature is not that of the publisher's secret")
	case err != nil:
		return wrongToken("INVALID_TOKEN", "the token is malformed")
	}
	payload, err := parser.DecodeSegment(strings.Split(text, ".")[1])
	if err != nil || json.Unmarshal(payload, c) != nil {
		return wrongToken("INVALID_TOKEN", "the token says what no token says")
	}
	now := g.Now().Unix()
	switch {
	case c.Expires == 0 || c.ID == "":
		return wrongToken("INVALID_TOKEN", "the token lacks exp or jti")
	case c.Expires <= now:
		return refuseToken(http.StatusGatewayTimeout, "DEADLINE_EXCEEDED", "EXPIRED_SIGNATURE", "the token has expired")
	case g.Lifetime > 0 && c.Issued == nil:
		return wrongToken("INVALID_TOKEN", "the token lacks iat")
	case c.Issued != nil && *c.Issued > now:
		return wrongToken("INVALID_TIMESTAMP", "the token was issued in the future")
	case g.Lifetime > 0 && c.Expires-*c.Issued != int64(g.Lifetime/time.Second):
		return wrongToken("INVALID_EXPIRATION", fmt.Sprintf("the token's lifetime is not %v", g.Lifetime))
	}
	return nil
}

// take notes that a token is used.
func (g *gate) take(c claims) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.Now().Unix()
	for id, expires := range g.used {
		if expires <= now {
			delete(g.used, id)
		}
	}
	if _, again := g.used[c.ID]; again {
		return refuseToken(http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "TOKEN_ALREADY_USED", "the token was used already, and is for one write")
	}
	g.used[c.ID] = c.Expires
	return nil
}

// giveBack makes the token good again.
func (p *pass) giveBack() {
	if p == nil || p.spent {
		return
	}
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	delete(p.gate.used, p.claims.ID)
}

// check compares what is asked for with what the token allows.
func (p *pass) check(o PutOptions) error {
	c := p.claims
	switch {
	case c.Epochs != nil && c.MaxEpochs != nil:
		return wrongToken("INCONSISTENT_TOKEN", "the token has epochs and max_epochs")
	case c.Size != nil && c.MaxSize != nil:
		return wrongToken("INCONSISTENT_TOKEN", "the token has size and max_size")
	case o.Epochs == 0: // somebody else has paid for it
		return nil
	case c.Epochs != nil && o.Epochs != *c.Epochs:
		return wrongToken("INVALID_EPOCHS", fmt.Sprintf("the token is for %d epochs, not %d", *c.Epochs, o.Epochs))
	case c.MaxEpochs != nil && o.Epochs > *c.MaxEpochs:
		return wrongToken("INVALID_EPOCHS", fmt.Sprintf("the token is for at most %d epochs, not %d", *c.MaxEpochs, o.Epochs))
	}
	if c.Owner != nil {
		owner, err := ParseObjectID(*c.Owner)
		if err != nil || o.Owner == nil || *o.Owner != owner {
			return wrongToken("INVALID_SEND_OBJECT_TO", "the token is for send_object_to="+*c.Owner)
		}
	}
	return nil
}

// spend uses the token for a blob of so many bytes.
func (p *pass) spend(size int) error {
	switch {
	case p == nil:
		return nil
	case p.claims.Size != nil && uint64(size) != *p.claims.Size:
		return wrongToken("INVALID_SIZE", fmt.Sprintf("the token is for %d bytes, not %d", *p.claims.Size, size))
	case p.claims.MaxSize != nil && uint64(size) > *p.claims.MaxSize:
		return wrongToken("INVALID_SIZE", fmt.Sprintf("the token is for at most %d bytes, not %d", *p.claims.MaxSize, size))
	}
	p.spent = true
	return nil
}
