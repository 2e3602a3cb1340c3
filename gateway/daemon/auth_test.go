package daemon

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TestAuth writes with tokens of all kinds.
func TestAuth(t *testing.T) {
	secret, now := []byte("the publisher's secret"), time.Unix(1_000_000, 0)
	clock := func() time.Time { return now }
	any := serve(t, Options{Auth: &Auth{Secret: secret, Now: clock}})
	timed := serve(t, Options{Auth: &Auth{Secret: secret, Now: clock, Lifetime: time.Minute}})
	ids := 0
	sign := func(method jwt.SigningMethod, secret []byte, c jwt.MapClaims) string {
		if _, ok := c["jti"]; !ok {
			ids++
			c["jti"] = fmt.Sprint("token ", ids)
		}
		if _, ok := c["exp"]; !ok {
			c["exp"] = now.Unix() + 60
		}
		token, err := jwt.NewWithClaims(method, c).SignedString(secret)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	token := func(c jwt.MapClaims) string { return sign(jwt.SigningMethodHS256, secret, c) }
	unsigned, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"exp": 2e6, "jti": "x"}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	owner := "0x" + strings.Repeat("ab", 32)
	for _, test := range []struct {
		name, token, query string
		to                 *served
		want               string // the reason, or what the answer holds
	}{
		{"good", token(jwt.MapClaims{}), "", any, "200 "},
		{"good with bounds", token(jwt.MapClaims{"max_epochs": 3, "max_size": 10, "send_object_to": owner}), "?epochs=3&send_object_to=" + owner, any, "200 "},
		{"good and exact", token(jwt.MapClaims{"epochs": 3, "size": 6}), "?epochs=3", any, "200 "},
		{"good in time", token(jwt.MapClaims{"iat": now.Unix()}), "", timed, "200 "},
		{"none", "", "", any, "400 writes need a token"},
		{"no form", "x", "", any, "400 FAILED_PRECONDITION INVALID_TOKEN"},
		{"no signature", unsigned, "", any, "401 UNAUTHENTICATED INVALID_SIGNATURE"},
		{"another secret", sign(jwt.SigningMethodHS256, []byte("x"), jwt.MapClaims{}), "", any, "401 UNAUTHENTICATED INVALID_SIGNATURE"},
		{"another algorithm", sign(jwt.SigningMethodHS512, secret, jwt.MapClaims{}), "", any, "401 UNAUTHENTICATED INVALID_SIGNATURE"},
		{"expired", token(jwt.MapClaims{"exp": now.Unix()}), "", any, "504 DEADLINE_EXCEEDED EXPIRED_SIGNATURE"},
		{"without expiry", token(jwt.MapClaims{"exp": 0}), "", any, "400 FAILED_PRECONDITION INVALID_TOKEN"},
		{"without id", token(jwt.MapClaims{"jti": ""}), "", any, "400 FAILED_PRECONDITION INVALID_TOKEN"},
		{"of the future", token(jwt.MapClaims{"iat": now.Unix() + 1}), "", any, "400 FAILED_PRECONDITION INVALID_TIMESTAMP"},
		{"without issue", token(jwt.MapClaims{}), "", timed, "400 FAILED_PRECONDITION INVALID_TOKEN"},
		{"too long-lived", token(jwt.MapClaims{"iat": now.Unix() - 1}), "", timed, "400 FAILED_PRECONDITION INVALID_EXPIRATION"},
		{"other epochs", token(jwt.MapClaims{"epochs": 3}), "?epochs=2", any, "400 FAILED_PRECONDITION INVALID_EPOCHS"},
		{"too many epochs", token(jwt.MapClaims{"max_epochs": 3}), "?epochs=4", any, "400 FAILED_PRECONDITION INVALID_EPOCHS"},
		{"epochs twice", token(jwt.MapClaims{"max_epochs": 3, "epochs": 3}), "?epochs=3", any, "400 FAILED_PRECONDITION INCONSISTENT_TOKEN"},
		{"another size", token(jwt.MapClaims{"size": 5}), "", any, "400 FAILED_PRECONDITION INVALID_SIZE"},
		{"too large", token(jwt.MapClaims{"max_size": 5}), "", any, "400 FAILED_PRECONDITION INVALID_SIZE"},
		{"sizes twice", token(jwt.MapClaims{"max_size": 5, "size": 5}), "", any, "400 FAILED_PRECONDITION INCONSISTENT_TOKEN"},
		{"another owner", token(jwt.MapClaims{"send_object_to": owner}), "?send_object_to=0x1", any, "400 FAILED_PRECONDITION INVALID_SEND_OBJECT_TO"},
		{"no owner", token(jwt.MapClaims{"send_object_to": owner}), "", any, "400 FAILED_PRECONDITION INVALID_SEND_OBJECT_TO"},
		{"what is no number", token(jwt.MapClaims{"size": "x"}), "", any, "400 FAILED_PRECONDITION INVALID_TOKEN"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &served{t, test.to.store, test.to.url}
			var headers []string
			if test.token != "" {
				headers = []string{"Authorization: Bearer " + test.token}
			}
			answer, body := s.ask("PUT", "/v1/blobs"+test.query, strings.NewReader("a blob"), headers...)
			if got := reasonIn(authDomain, body); got != test.want && !strings.HasPrefix(fmt.Sprint(answer.StatusCode, " ", body), test.want) {
				t.Errorf("%d, %s, want %s", answer.StatusCode, body, test.want)
			}
		})
	}
	if answer, _ := any.ask("GET", "/status", nil); answer.StatusCode != 200 {
		t.Errorf("a read without a token: %d", answer.StatusCode)
	}

	t.Run("once", func(t *testing.T) {
		s := &served{t, any.store, any.url}
		header := "Authorization: Bearer " + token(jwt.MapClaims{"size": 6, "epochs": 1})
		put := func(query, blob string) (int, string) {
			answer, body := s.ask("PUT", "/v1/blobs"+query, strings.NewReader(blob), header)
			return answer.StatusCode, reasonIn(authDomain, body)
		}
		// What is refused does not use the token.
		if code, why := put("?epochs=2", "a blob"); code != 400 {
			t.Errorf("other epochs: %d, %s", code, why)
		}
		if code, why := put("", "another blob"); code != 400 {
			t.Errorf("another size: %d, %s", code, why)
		}
		var mu sync.Mutex
		codes := make(map[int]int)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				code, _ := put("", "a blob")
				mu.Lock()
				defer mu.Unlock()
				codes[code]++
			})
		}
		all.Wait()
		if codes[200] != 1 || codes[429] != 7 {
			t.Errorf("statuses %v, want one 200", codes)
		}
	})
}

// TestAuthOptions refuses choices that are wrong.
func TestAuthOptions(t *testing.T) {
	for name, a := range map[string]Auth{
		"Algorithm": {Secret: []byte("x"), Algorithm: "RS256"}, "Secret": {}, "Lifetime": {Secret: []byte("x"), Lifetime: -1},
	} {
		if _, err := New(newFake(t), Options{Auth: &a}); err == nil || !strings.Contains(err.Error(), "Auth."+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
