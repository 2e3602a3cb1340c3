package s3

import (
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/metrics"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/controllers"
	"github.com/versity/versitygw/s3api/middlewares"
	"github.com/versity/versitygw/s3api/utils"
	"github.com/versity/versitygw/s3err"
)

// lifecycleRoutes answers requests for what says how long a bucket's objects live, for which the
// protocol's server has nothing that it stands before. They are the key's owner's alone.
type lifecycleRoutes struct {
	backend *Backend
	root    middlewares.RootUserConfig
	who     auth.IAMService
	region  string
	domain  string
}

// lifecycleQuery is in the query of such requests.
const lifecycleQuery = "lifecycle"

// options returns what adds the routes to the server.
func (l *lifecycleRoutes) options() (all []s3api.Option) {
	host := middlewares.HostStyleParser(l.domain)
	for _, r := range []struct {
		method, action string
		checks         []fiber.Handler
		answer         controllers.Controller
	}{
		{http.MethodPut, metrics.ActionPutBucketLifecycleConfiguration, []fiber.Handler{middlewares.VerifyChecksums(false, true, false)}, l.put},
		{http.MethodGet, metrics.ActionGetBucketLifecycleConfiguration, nil, l.get},
		{http.MethodDelete, metrics.ActionDeleteBucketLifecycle, nil, l.remove},
	} {
		checks := append([]fiber.Handler{
			bounded(l.domain),
			middlewares.BucketObjectNameValidator(),
			middlewares.VerifyPresignedV4Signature(l.root, l.who, l.region, false),
			middlewares.VerifyV4Signature(l.root, l.who, l.region, false, true, false),
		}, r.checks...)
		answer := controllers.ProcessHandlers(l.owned(r.answer), r.action, &controllers.Services{}, checks...)
		if l.domain != "" {
			all = append(all, s3api.WithRoute(r.method, "/*", func(ctx fiber.Ctx) error {
				if !asksLifecycle(ctx) {
					return ctx.Next()
				}
				return host(ctx)
			}))
		}
		all = append(all, s3api.WithRoute(r.method, "/*", func(ctx fiber.Ctx) error {
			if !asksLifecycle(ctx) || bucketOf(ctx) == "" {
				return ctx.Next()
			}
			utils.ContextKeyRegion.Set(ctx, l.region)
			utils.ContextKeyStartTime.Set(ctx, time.Now())
			utils.ContextKeyRootAccessKey.Set(ctx, l.root.Access)
			utils.ContextKeyAccount.Set(ctx, auth.Account{})
			utils.ContextKeyIsRoot.Set(ctx, false)
			return answer(ctx)
		}))
	}
	return all
}

func asksLifecycle(ctx fiber.Ctx) bool { return ctx.Request().URI().QueryArgs().Has(lifecycleQuery) }

// bucketOf returns the bucket that a request is for; "" if it is for an object, or for none.
func bucketOf(ctx fiber.Ctx) string {
	name := strings.TrimSuffix(strings.TrimPrefix(ctx.Path(), "/"), "/")
	if strings.Contains(name, "/") {
		return ""
	}
	return strings.Clone(name) // the request's memory is used again
}

// owned has somebody else refused, and one who takes the bucket for another's.
func (l *lifecycleRoutes) owned(answer controllers.Controller) controllers.Controller {
	return func(ctx fiber.Ctx) (*controllers.Response, error) {
		expected := ctx.Get("X-Amz-Expected-Bucket-Owner")
		if root, _ := utils.ContextKeyIsRoot.Get(ctx).(bool); !root || expected != "" && expected != l.root.Access {
			return &controllers.Response{MetaOpts: &controllers.MetaOptions{}}, s3err.GetAPIError(s3err.ErrAccessDenied)
		}
		return answer(ctx)
	}
}

// answered is an answer with a body, which may be nil.
func (l *lifecycleRoutes) answered(status int, body any, err error) (*controllers.Response, error) {
	return &controllers.Response{Data: body, MetaOpts: &controllers.MetaOptions{BucketOwner: l.root.Access, Status: status}}, err
}

func (l *lifecycleRoutes) put(ctx fiber.Ctx) (*controllers.Response, error) {
	return l.answered(http.StatusOK, nil, l.backend.PutLifecycle(ctx.RequestCtx(), bucketOf(ctx), ctx.BodyRaw()))
}

func (l *lifecycleRoutes) get(ctx fiber.Ctx) (*controllers.Response, error) {
	text, err := l.backend.GetLifecycle(ctx.RequestCtx(), bucketOf(ctx))
	return l.answered(http.StatusOK, text, err)
}

func (l *lifecycleRoutes) remove(ctx fiber.Ctx) (*controllers.Response, error) {
	return l.answered(http.StatusNoContent, nil, l.backend.DeleteLifecycle(ctx.RequestCtx(), bucketOf(ctx)))
}
