package server

import (
	"errors"
	"io/fs"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"sori/history"
)

const (
	allTurns    = math.MaxInt32 // the seed's lists have no end
	defaultPage = 50
	maxPage     = 200
)

// userJSON is the seed's view of a user. Its id is a number when it looks like
// one, as the seed's clients expect.
type userJSON struct {
	ID         any       `json:"id"`
	InputWAVs  []*string `json:"input_wav_list"`
	ATOTTexts  []string  `json:"atot_text_list"`
	TTOTTexts  []string  `json:"ttot_text_list"`
	OutputWAVs []*string `json:"output_wav_list"`
}

func seedUser(id string, turns []history.Turn) userJSON {
	u := history.UserOf(id, turns)
	return userJSON{
		ID: printID(id), InputWAVs: u.InputWAVs, ATOTTexts: u.ATOTTexts, TTOTTexts: u.TTOTTexts, OutputWAVs: u.OutputWAVs,
	}
}

// printID gives a user's id as JSON prints it: a number if it is one that reads
// back as the same id everywhere, else a string.
func printID(id string) any {
	const exact = 1 << 53 // JavaScript's numbers skip whole ones above it
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n < 0 || n > exact || strconv.FormatInt(n, 10) != id {
		return id
	}
	return n
}

// home is the seed's GET /: is the server there, and the default user, made when
// new. Browsers get the page.
func (s *Server) home(g *gin.Context) {
	g.Writer.Header().Add("Vary", "Accept")
	if s.wantsPage(g) {
		s.cfg.Page.ServeHTTP(g.Writer, g.Request)
		return
	}
	ctx, id := g.Request.Context(), s.userOf(principal(g))
	created, err := s.cfg.Store.EnsureUser(ctx, id)
	if err != nil {
		s.fail(g, err)
		return
	}
	if created {
		s.log.InfoContext(ctx, "user created", "user", id)
	}
	turns, err := s.cfg.Store.Recent(ctx, id, allTurns)
	if err != nil {
		s.fail(g, err)
		return
	}
	s.json(g, struct {
		Message string   `json:"message"`
		User    userJSON `json:"user"`
	}{"This is the Backend Server", seedUser(id, turns)})
}

// wantsPage says whether a request for / is a browser's, for the page.
func (s *Server) wantsPage(g *gin.Context) bool {
	return s.cfg.Page != nil && g.NegotiateFormat("application/json", "text/html") == "text/html"
}

// users is the seed's GET /users: everybody, with everything. A caller that is
// one user sees that one.
func (s *Server) users(g *gin.Context) {
	ctx, p := g.Request.Context(), principal(g)
	if p.User == "" || p.Admin {
		if s.adminOnly(g); g.IsAborted() {
			return
		}
	}
	ids, err := s.cfg.Store.UserIDs(ctx)
	if err != nil {
		s.fail(g, err)
		return
	}
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !p.May(id) })
	all := make([]userJSON, 0, len(ids))
	for _, id := range ids {
		turns, err := s.cfg.Store.Recent(ctx, id, allTurns)
		if err != nil {
			s.fail(g, err)
			return
		}
		all = append(all, seedUser(id, turns))
	}
	s.json(g, all)
}

// user is the seed's GET /users/{user_id}.
func (s *Server) user(g *gin.Context) {
	ctx, id := g.Request.Context(), g.Param("id")
	if !s.knows(g, id) {
		return
	}
	turns, err := s.cfg.Store.Recent(ctx, id, allTurns)
	if err != nil {
		s.fail(g, err)
		return
	}
	s.json(g, seedUser(id, turns))
}

// knows says whether the user exists, and answers 404 when not.
func (s *Server) knows(g *gin.Context, id string) bool {
	known, err := s.cfg.Store.HasUser(g.Request.Context(), id)
	if err == nil && !known {
		err = history.ErrNoUser
	}
	if err != nil {
		s.fail(g, err)
	}
	return err == nil
}

// turnsJSON is one page of a user's turns, newest first.
type turnsJSON struct {
	Turns []history.Turn `json:"turns"`
	More  bool           `json:"more"`
	Next  *string        `json:"next"` // the value of "before" for the page after this one
}

// turns pages through the full records of a user's turns.
func (s *Server) turns(g *gin.Context) {
	limit, ok := s.limit(g)
	if !ok || !s.knows(g, g.Param("id")) {
		return
	}
	turns, more, err := s.cfg.Store.Page(g.Request.Context(), g.Param("id"), g.Query("before"), limit)
	if errors.Is(err, history.ErrNoTurn) {
		s.problem(g, http.StatusNotFound, "turn_not_found")
		return
	}
	if err != nil {
		s.fail(g, err)
		return
	}
	page := turnsJSON{Turns: turns, More: more}
	if page.Turns == nil {
		page.Turns = []history.Turn{}
	}
	if more && len(turns) > 0 {
		page.Next = &turns[len(turns)-1].ID
	}
	s.json(g, page)
}

func (s *Server) limit(g *gin.Context) (int, bool) {
	asked, ok := g.GetQuery("limit")
	if !ok {
		return defaultPage, true
	}
	n, err := strconv.Atoi(asked)
	if err != nil || n < 1 || n > maxPage {
		s.problem(g, http.StatusBadRequest, "bad_parameter", "limit", "1 … "+strconv.Itoa(maxPage))
		return 0, false
	}
	return n, true
}

// recording gives a recording's WAV file, or the range of it that was asked for.
func (s *Server) recording(g *gin.Context) {
	name := g.Param("name")
	if s.cfg.Recordings == nil || !plainName(name) {
		s.problem(g, http.StatusNotFound, "no_recording")
		return
	}
	f, err := s.cfg.Recordings.Open(g.Request.Context(), g.Param("id"), name)
	if errors.Is(err, fs.ErrNotExist) {
		s.problem(g, http.StatusNotFound, "no_recording")
		return
	}
	if err != nil {
		s.fail(g, err)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		s.fail(g, err)
		return
	}
	if !info.Mode().IsRegular() {
		s.problem(g, http.StatusNotFound, "no_recording")
		return
	}
	h := g.Writer.Header()
	h.Set("Content-Type", "audio/wav")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, no-cache")
	http.ServeContent(g.Writer, g.Request, "", info.ModTime(), f)
}

// plainName says whether a name can only mean a file in its own folder. The
// recordings check it too.
func plainName(name string) bool {
	return name != "" && name[0] != '.' && len(name) <= 255 && !strings.ContainsAny(name, "/\\\x00:")
}
