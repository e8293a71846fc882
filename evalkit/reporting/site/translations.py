"""Chinese translations of the site's own texts, by their English; names, data and errors are not translated."""

from __future__ import annotations

from collections.abc import Mapping

CHINESE: Mapping[str, str] = {
    # every page
    "Skip to content": "跳到正文",
    # the tables
    "Model": "模型",
    "Models": "模型",
    "Benchmarks": "基准",
    "part of a name": "名称的一部分",
    "name or category": "名称或类别",
    "published numbers": "已发布的数值",
    "published": "已发布",
    "rank": "名次",
    "samples": "样本",
    "Samples of {name}": "{name} 的样本",
    "Sort by this": "按此列排序",
    "{n} rows": "{n} 行",
    "rank {place}": "第 {place} 名",
    "rank {place}, shared with models not separable from it": "第 {place} 名，与其无显著差异的模型并列",
    "rank {place}, not separable from the best of that rank (p = {p}, paired test)": (
        "第 {place} 名，与该名次最佳者无显著差异（p = {p}，配对检验）"
    ),
    "How to read the tables": "如何阅读这些表格",
    "Below a number: its 95 % interval, also as a line from 0 to 100. A number leads to its run, “samples” to the "
    "questions and replies.": (
        "数值下方为其 95% 置信区间，并以 0 至 100 的线段表示。点击数值查看该次运行，点击“样本”查看题目与回答。"
    ),
    "Before a number: its rank. Models that a paired test on the same samples does not tell from the best of a rank "
    "share it (two-sided, 5 %, Holm over the models compared with that best); ranks are given to complete runs only.": (
        "数值前方为名次：在相同样本上，配对检验无法与该名次最佳者区分的模型并列"
        "（双侧，5%，对与最佳者比较的各模型作 Holm 校正）；只有完整的运行才有名次。"
    ),
    "Published numbers are shown as printed; without their replies they have no interval and no rank.": (
        "已发布的数值按原文显示；没有相应的回答，因此没有置信区间和名次。"
    ),
    # a run
    "{model} on {task}": "{model} · {task}",
    "Complete: {answered} of {samples} samples answered.": "完整：{samples} 个样本中 {answered} 个有回答。",
    "Incomplete": "不完整",
    "{answered} of {samples} samples answered, {errors} failed": (
        "{samples} 个样本中 {answered} 个有回答，{errors} 个失败"
    ),
    "limit {limit}": "限制 {limit}",
    "Not a result to publish.": "不是可发布的结果。",
    "Samples and replies": "样本与回答",
    "Numbers": "数值",
    "Metric": "指标",
    "Group": "分组",
    "Value": "值",
    "95 % interval": "95% 置信区间",
    "Method": "方法",
    "headline": "主指标",
    "What was run": "运行内容",
    "command": "命令",
    "started": "开始时间",
    "seconds": "秒数",
    "seconds in the model": "模型内秒数",
    "calls of the model": "模型调用次数",
    "shared prefixes": "共享前缀",
    "device": "设备",
    "dtype": "数据类型",
    "rule": "规则",
    "limit": "限制",
    "code": "代码",
    "Digests (sha256)": "摘要（sha256）",
    "task": "任务",
    "model": "模型",
    "data": "数据",
    "revision of the data": "数据版本",
    "Counts": "计数",
    "planned": "计划",
    "requests": "请求",
    "unique": "去重后请求",
    "answered": "已回答",
    "errors": "失败",
    "unparsed": "无法解析",
    "truncated": "被截断",
    "thoughts": "含思考过程",
    "cut_off_in_thought": "思考中被截断",
    "Versions": "版本",
    "Data": "数据",
    "files": "文件",
    "annotations": "标注",
    "mirrors": "镜像",
    "Problems": "问题",
    "and {more} more in run.json": "另有 {more} 个，见 run.json",
    "None: every sample has a reply.": "无：每个样本都有回答。",
    "Task as it was run": "运行时的任务",
    "Model as it was run": "运行时的模型",
    "Identity of the model": "模型标识",
    "Judge": "评判模型",
    # the samples
    "{title}: samples": "{title}：样本",
    "{n} samples": "{n} 个样本",
    "{n} of {all} samples": "{all} 个样本中的 {n} 个",
    "paper": "论文",
    "data under {licence}": "数据许可：{licence}",
    "{model}: the data have changed since the run": "{model}：运行之后数据有变化",
    "samples of {model} on {task} are not shown: {error}": "{model} 在 {task} 上的样本未显示：{error}",
    "Samples are listed by a script; without it, this command prints any of them:": (
        "样本由脚本列出；没有脚本时，可用此命令显示任一样本："
    ),
    "This browser cannot open compressed data; use one from 2023 or later.": (
        "此浏览器无法解压数据，请使用 2023 年或之后的版本。"
    ),
    "List of samples": "样本列表",
    "Search in prompts and replies": "搜索提示与回答",
    "Search prompts and replies ( / )": "搜索提示与回答（ / ）",
    "Show": "显示",
    "all": "全部",
    "wrong": "错误",
    "failed": "失败",
    "right": "正确",
    "models disagree": "模型不一致",
    "by": "模型",
    "any model": "任一模型",
    "in": "分组",
    "all groups": "全部分组",
    "Marks": "标记",
    "Earlier": "上一页",
    "Later": "下一页",
    "Sample": "样本",
    "searching": "搜索中",
    "There is no sample {id} here.": "这里没有样本 {id}。",
    "Choose a sample.": "请选择一个样本。",
    "next": "下一个",
    "previous": "上一个",
    "search": "搜索",
    "Back to the list": "返回列表",
    "right in part": "部分正确",
    "not in this run": "不在此次运行中",
    "user": "用户",
    "system": "系统",
    "assistant": "助手",
    "It was never asked.": "从未提问。",
    "Gold answer": "标准答案",
    "none known": "未知",
    "Replies": "回答",
    "Prompt as sent": "实际提示",
    "Prompt as sent to {models}": "发给 {models} 的实际提示",
    "Prompt of the task, for recorded replies": "任务的提示（回答为已有记录）",
    "picture {n}": "图片 {n}",
    "video {n}": "视频 {n}",
    "picture not shown": "图片未显示",
    "video not shown": "视频未显示",
    "picture not found": "未找到图片",
    "video not found": "未找到视频",
    "picture cannot be read": "图片无法读取",
    "video cannot be read": "视频无法读取",
    "frame {index}, {seconds} s": "第 {index} 帧，{seconds} 秒",
    "Show all {n} characters": "显示全部 {n} 个字符",
    "read": "读出",
    "nothing": "无",
    "gold": "标准",
    "score": "得分",
    "by the policy for unparsed replies": "按无法解析回答的规定",
    "No reply in the log.": "日志中没有回答。",
    "cut off at its limit": "达到长度上限而截断",
    "{n} tokens": "{n} 个词元",
    "{n} s": "{n} 秒",
    "key": "键",
}


def translate(language: str, text: str, **values: object) -> str:
    """Return the text in `language` with its {fields} filled. Raises KeyError for a text without a translation."""
    return (CHINESE[text] if language == "zh" else text).format(**values)
