package s3

import (
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/s3err"
)

// maxWhole is the longest body, bytes, that the protocol's server reads whole before it looks into
// it: a list of parts, or of keys. That of 10,000 parts with their checksums is shorter.
const maxWhole = 4 << 20

// bounded refuses bodies that would be read whole, and are too long for that, or of no known
// length, before anything of them is read; and requests that the protocol's server answers as if
// there were what they ask for.
func bounded(domain string) fiber.Handler {
	return func(ctx fiber.Ctx) error {
		length, asked := ctx.Request().Header.ContentLength(), ctx.Request().URI().QueryArgs()
		signed := ctx.Get(fiber.HeaderAuthorization) != "" || asked.Has("X-Amz-Signature") // others are refused
		if signed && (asked.Has("select") || asked.Has("torrent")) {
			return notImplemented()
		}
		switch {
		case ctx.Request().BodyStream() == nil || streams(ctx, domain):
			return nil
		case length < 0:
			return s3err.GetAPIError(s3err.ErrMissingContentLength)
		case length > maxWhole:
			return s3err.GetMaxMessageLengthExceeded(maxWhole)
		}
		return nil
	}
}

// streams reports whether the body of a request is an object's bytes, or a form with them, which are
// not read whole.
func streams(ctx fiber.Ctx, domain string) bool {
	if ctx.Method() == http.MethodPost {
		return ctx.Request().URI().QueryArgs().Len() == 0 && strings.HasPrefix(ctx.Get(fiber.HeaderContentType), fiber.MIMEMultipartForm)
	}
	if ctx.Method() != http.MethodPut {
		return false
	}
	for _, about := range []string{"acl", "tagging", "retention", "legal-hold"} {
		if ctx.Request().URI().QueryArgs().Has(about) {
			return false
		}
	}
	path := strings.TrimPrefix(ctx.Path(), "/")
	host := strings.ToLower(ctx.Hostname())
	if domain == "" || !strings.HasSuffix(host, "."+strings.ToLower(domain)) {
		_, path, _ = strings.Cut(path, "/") // the bucket is in front
	}
	return path != ""
}
