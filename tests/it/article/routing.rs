//! Tests the example's routes: parameters, expressions, versions, 404 and 405.

use serde_json::{Value, json};

use super::Article;

#[track_caller]
fn check(article: &Article, target: &str, expected: &Value) {
    let answer = article.get(target);
    assert_eq!((answer.status, &answer.json()), (200, expected), "{target}");
}

#[test]
fn parameters_are_decoded_and_found_by_name() {
    let article = Article::start();
    let answer = article.get("/api/v1/users/user2").json();
    assert_eq!(
        answer,
        json!({ "user_id": "user2", "version": "v1", "name": "Jane Roe" })
    );
    let missing = article.get("/api/v1/users/%75ser9");
    missing.check_error(404, "Not Found", "NOT_FOUND");
    let decoded = article.get("/api/v1/users/%75ser2").json();
    assert_eq!(decoded["user_id"], "user2");
}

#[test]
fn the_pattern_is_anchored_and_its_last_part_is_optional() {
    let article = Article::start();
    for target in ["/api/v1/users", "/api/v1/users/user1", "/api/v2/posts"] {
        assert_eq!(article.get(target).status, 200, "{target}");
    }
    for target in [
        "/api/v1",
        "/api/vx/users",
        "/api/1/users",
        "/api/v1/us-ers",
        "/api/v1/users/user-1",
        "/api/v1/users/user1/more",
        "/more/api/v1/users",
        "/api/xv1/users",
        "/api/v1/users/",
    ] {
        article
            .get(target)
            .check_error(404, "Not Found", "NOT_FOUND");
    }
}

#[test]
fn each_version_has_its_answer_and_an_unknown_one_is_a_400() {
    let article = Article::start();
    assert_eq!(article.get("/api/v1/users").json()["version"], "v1");
    assert_eq!(article.get("/api/v2/users").json()["version"], "v2");
    for version in ["v0", "v3", "v10", "v99999999999999999999"] {
        let answer = article.get(&format!("/api/{version}/users"));
        answer.check_error(400, "Bad Request", "UNKNOWN_VERSION");
    }
}

#[test]
fn a_path_without_a_route_is_a_404() {
    let article = Article::start();
    for target in [
        "/",
        "/nowhere",
        "/API/v1/users",
        "/api/v1/comments",
        "/api/v2/comments/7",
    ] {
        article
            .get(target)
            .check_error(404, "Not Found", "NOT_FOUND");
    }
}

#[test]
fn users_and_posts_in_both_versions() {
    let article = Article::start();
    let all = json!({ "users": ["user1", "user2", "user3"], "version": "v1" });
    check(&article, "/api/v1/users", &all);
    let profile = json!({
        "user_id": "user1",
        "version": "v2",
        "profile": {
            "name": "John Doe",
            "email": "john@example.com",
            "created_at": "2023-01-01T00:00:00Z",
        },
    });
    check(&article, "/api/v2/users/user1", &profile);
    let page = |page: u64, users: Value| {
        let pagination = json!({ "page": page, "total": 3 });
        json!({ "users": users, "version": "v2", "pagination": pagination })
    };
    let first = json!([
        { "id": "user1", "name": "John Doe" },
        { "id": "user2", "name": "Jane Roe" },
    ]);
    check(&article, "/api/v2/users", &page(1, first.clone()));
    check(&article, "/api/v2/users?page=1", &page(1, first));
    let second = json!([{ "id": "user3", "name": "Max Poe" }]);
    check(&article, "/api/v2/users?page=2", &page(2, second));
    check(&article, "/api/v2/users?page=3", &page(3, json!([])));
    let most = u64::MAX;
    check(
        &article,
        &format!("/api/v2/users?page={most}"),
        &page(most, json!([])),
    );
    for wrong in ["0", "-1", "x", "18446744073709551616"] {
        let answer = article.get(&format!("/api/v2/users?page={wrong}"));
        answer.check_error(400, "Bad Request", "BAD_REQUEST");
    }
    for version in ["v1", "v2"] {
        let message = format!("Posts API {version}");
        let post = json!({ "id": "post1", "title": "Hello" });
        let expected = json!({ "message": message, "id": "post1", "posts": [post] });
        check(&article, &format!("/api/{version}/posts/post1"), &expected);
        let list = article.get(&format!("/api/{version}/posts")).json();
        assert_eq!(
            (&list["id"], list["posts"].as_array().map(Vec::len)),
            (&json!(null), Some(2))
        );
        assert_eq!(
            article.get(&format!("/api/{version}/posts/post9")).status,
            404
        );
    }
    for target in ["/api/v1/users", "/api/v2/users/user1", "/api/v1/posts"] {
        let answer = article.send("DELETE", target, &[], "");
        answer.check_error(405, "Method Not Allowed", "METHOD_NOT_ALLOWED");
        assert!(
            answer
                .header("allow")
                .is_some_and(|allow| allow.contains("GET")),
            "{answer:?}"
        );
    }
    let attack = article.get("/api/v1/users/user1'--");
    assert_eq!(attack.status, 404);
}
