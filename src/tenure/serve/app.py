"""The web application: addresses, and what each answers with. All pages read the release in force."""

import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from tenure.core.clock import now
from tenure.core.errors import DamagedRelease, TenureError
from tenure.core.settings import Project
from tenure.serve.answers import Answers
from tenure.serve.csv_file import report_csv
from tenure.serve.overview import REPORTS, overview
from tenure.serve.pages import STATIC, problem_of, renderer
from tenure.serve.security import HEADERS, STATIC_PATH, guarded
from tenure.serve.tables import computed, table
from tenure.warehouse.reports import report_names

# A page of more rows than this helps nobody; the CSV has them all.
ROWS_ON_A_PAGE = 500
_READ = ["GET", "HEAD"]


def create_app(project: Project) -> FastAPI:
    """The dashboard of one project. It answers requests for loopback names only (see `security`)."""
    answers = Answers(project)
    render = renderer(project)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        early = threading.Thread(target=_prepare, args=(answers,))
        early.start()
        yield
        early.join()
        answers.close()

    # FastAPI's own documentation pages load scripts from elsewhere: they stay off.
    app = FastAPI(title="Tenure", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=6)
    app.add_middleware(guarded)
    app.mount(STATIC_PATH, StaticFiles(directory=STATIC))

    # The handlers are plain functions: they run on threads, so that a query does not hold up other requests.
    @app.api_route("/", methods=_READ)
    def overview_page() -> HTMLResponse:  # pyright: ignore[reportUnusedFunction]: FastAPI calls it
        answer = answers.read(REPORTS)
        page = overview(answer, now())
        return HTMLResponse(render("overview.html", release=answer.release, now=now(), page=page))

    @app.api_route("/reports/{name}.csv", methods=_READ)
    def report_file(name: str) -> Response:  # pyright: ignore[reportUnusedFunction]: FastAPI calls it
        answer = answers.read([_known(name)])
        return Response(
            report_csv(answer.reports[name]),
            media_type="text/csv; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name}-{answer.release.id}.csv"'},
        )

    @app.api_route("/reports/{name}", methods=_READ)
    def report_page(name: str) -> HTMLResponse:  # pyright: ignore[reportUnusedFunction]: FastAPI calls it
        answer = answers.read([_known(name)])
        result = answer.reports[name]
        return HTMLResponse(
            render(
                "report.html",
                release=answer.release,
                now=now(),
                finding=result.finding,
                table=table(result, ROWS_ON_A_PAGE),
                computed=computed(result),
            )
        )

    @app.exception_handler(TenureError)
    def no_answer(_: Request, error: TenureError) -> HTMLResponse:  # pyright: ignore[reportUnusedFunction]
        title = "The release is damaged" if isinstance(error, DamagedRelease) else "There are no figures to show"
        page = render("problem.html", now=now(), title=title, problem=problem_of(error))
        return HTMLResponse(page, status_code=503)

    @app.exception_handler(HTTPException)
    def refused(_: Request, error: HTTPException) -> HTMLResponse:  # pyright: ignore[reportUnusedFunction]
        problem = {"what": error.detail, "where": None, "cure": "the addresses that exist are linked below"}
        page = render("problem.html", now=now(), title="There is no such page", problem=problem)
        return HTMLResponse(page, status_code=error.status_code, headers=error.headers)

    @app.exception_handler(Exception)
    def failed(_: Request, error: Exception) -> HTMLResponse:  # pyright: ignore[reportUnusedFunction]
        # Starlette makes this answer outside of `guarded`, and then passes the error on to the server's log.
        problem = {
            "what": f"an unexpected {type(error).__name__}",
            "where": None,
            "cure": "the terminal where the dashboard runs shows the details; tenure verify checks the data",
        }
        page = render("problem.html", now=now(), title="This page could not be made", problem=problem)
        return HTMLResponse(page, status_code=500, headers=HEADERS)

    return app


def _prepare(answers: Answers) -> None:
    """Compute the overview's reports while the first visitor is still on the way."""
    try:
        answers.read(REPORTS)
    except TenureError:
        return  # the first page that is asked for says what is wrong, or finds it mended


def _known(name: str) -> str:
    if name not in report_names():
        raise HTTPException(404, "there is no report of this name")
    return name
