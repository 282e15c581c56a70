"""Sentences of ours, with slots, from which the sample files are made."""

from __future__ import annotations

PLACES = "临江 安宁 青石 白沙 长桥 永和 新河 云岭 双塔 南湾 古城 清溪 东港 平原 松山 望海".split()
PEOPLE = (
    "陈明 林晓燕 王建国 赵雅琴 孙立 周文博 吴秀兰 郑海涛 冯磊 沈佳 韩雪 曹志远 邓丽华 许强".split()
)
CROPS = "水稻 小麦 茶叶 柑橘 苹果 花生 玉米 葡萄 莲藕 棉花".split()
THINGS = "图书馆 体育馆 老码头 菜市场 博物馆 小学 卫生院 汽车站 公园 石拱桥".split()
SEASONS = "春天 夏天 秋天 冬天".split()
ANIMALS = "白鹭 松鼠 江豚 刺猬 喜鹊 麻雀 野鸭 猫头鹰".split()

OPENINGS = [
    "{place}镇的{thing}上个月重新开放，第一天就来了{n}位居民。",
    "{person}在{place}住了{n}年，对这里的每一条巷子都很熟悉。",
    "每到{season}，{place}河边的{animal}就多了起来。",
    "今年{place}的{crop}收成不错，平均每亩比去年多出{n}斤。",
    "从{place}到{other}的公路全长{n}公里，翻过两座山才能到。",
    "{place}的{thing}建于一九{y}年，原来是一座粮仓。",
    "去年{season}，{person}把家从{other}搬到了{place}。",
    "{place}中学的{person}老师每天早上六点半就到教室。",
    "说起{place}的{crop}，{person}能讲上整整一个下午。",
    "县里决定拿出{n}万元，用来修缮{place}的{thing}。",
]
MIDDLES = [
    "负责人{person}说，最难的不是钱，而是让大家坐下来商量。",
    "附近的老人把旧照片拿出来，一张一张地贴在墙上。",
    "孩子们最喜欢的是二楼靠窗的位置，那里可以看见整条河。",
    "技术员连续{n}天守在田里，记录温度、湿度和虫害情况。",
    "有人担心游客太多会打扰{animal}，于是村里定下了轮流看护的办法。",
    "参加调查的{n}户家庭中，超过一半愿意把空房子租出去。",
    "为了省下运费，合作社自己买了两辆冷藏车。",
    "这条路下雨天容易积水，司机们都习惯绕道{other}。",
    "统计显示，{n}%的用水来自山上的泉眼，其余靠水库补充。",
    "{person}把这些事写成了日记，前后一共记了{n}本。",
    "当地人管这种做法叫“还山”，意思是取了多少就补种多少。",
    "《{place}县志》里也有类似的记载，只是年份对不上。",
    "修路的工人在石板下面发现了一口老井，井水至今清澈。",
    "医生提醒大家，天气转凉以后要注意保暖，少吃生冷的东西。",
    "设计师保留了原来的木梁，只换掉了被虫蛀坏的{n}根。",
    "邮递员说，从前送一封信要走半天，如今骑车二十分钟就到。",
    "夜里起了风，船都靠在岸边，灯光一直亮到天明。",
    "学校请来了{other}的老艺人，教孩子们编竹篮、扎风筝。",
    "价格从每斤{n}元慢慢回落，批发商和农户都松了一口气。",
    "新装的水表能自动抄数，居民在手机上就能看到用量。",
]
CLOSINGS = [
    "他们希望明年{season}之前，把剩下的工作做完。",
    "“只要有人来，这里就不会荒下去。”{person}说。",
    "下一步，{place}打算把经验介绍给周围的{n}个村子。",
    "至于将来怎么办，谁也说不准，但日子总要一天天过下去。",
    "傍晚的时候，{thing}门口的灯又亮了。",
    "这件事后来被写进了{place}的地方志。",
    "{person}笑着说，等{crop}熟了，请大家都来尝一尝。",
    "专家认为，这样的尝试值得在更多地方推广。",
]
COMMENTS = [
    "味道不错，就是等得有点久，{n}分钟才上菜。",
    "房间干净，老板{person}很热情，下次还来{place}。",
    "快递{n}天到的，包装完好，{crop}很新鲜。",
    "离{thing}走路{n}分钟，晚上很安静，推荐。",
    "同样的东西在{other}便宜{n}块钱，感觉买贵了。",
    "客服{person}态度好，换货也快，给五星。",
    "第{n}次来了，{season}的景色最好看。",
    "屏幕清晰，电池能用{n}个小时，满意。",
]
QUESTIONS = [
    ("{place}有什么值得带回家的特产？", "首先是{crop}，其次是当地人自己做的腐乳。"),
    (
        "在{place}养{animal}需要办手续吗？",
        "{animal}是野生动物，不能私自饲养，发现受伤的可以联系林业站。",
    ),
    ("从{place}去{other}坐什么车最方便？", "早上有两班直达的大巴，大约{n}分钟，票价也不贵。"),
    ("孩子不愿意写作业怎么办？", "不妨先陪他坐{n}分钟，把任务拆成小块，做完一块就休息一下。"),
]

PAIRS = [
    (
        "{place_zh}的港口在{year}年处理了{n}万吨货物。",
        "The port of {place_en} handled {n}0,000 tonnes of cargo in {year}.",
    ),
    (
        "如果利率继续上升，{place_zh}的家庭将最先感到压力。",
        "If interest rates keep rising, households in {place_en} will feel the strain first.",
    ),
    (
        "{year}年的选举改变了{place_zh}的政治格局，但没有改变它的预算。",
        "The {year} election changed the politics of {place_en}, but not its budget.",
    ),
    (
        "经济学家们对此意见不一：有人主张等待，有人主张立即行动。",
        "Economists disagree about {place_en}: some argue for waiting, others for acting at once.",
    ),
    (
        "{place_zh}政府承诺在{n}年内把排放量减少一半。",
        "The government of {place_en} has promised to halve its emissions within {n} years.",
    ),
    (
        "教育不是唯一的答案，但没有教育，{place_zh}就没有答案。",
        "Education is not the only answer, but without it {place_en} has none.",
    ),
    (
        "在{year}年之前，{place_zh}的银行几乎不向小企业放贷。",
        "Before {year}, banks in {place_en} hardly lent to small firms at all.",
    ),
    (
        "{place_zh}的医院有{n}%的病床空着，而邻近地区却人满为患。",
        "In {place_en} {n}% of hospital beds stood empty while neighbouring regions overflowed.",
    ),
    (
        "“我们需要的不是更多的承诺，而是更少的借口，”{place_zh}的一位市长说。",
        "“We need not more promises but fewer excuses,” said a mayor in {place_en}.",
    ),
    (
        "联合国代表{year}年访问{place_zh}后，提交了长达{n}页的报告。",
        "After visiting {place_en} in {year}, the UN envoy filed a report of {n} pages.",
    ),
]
PLACES_EN = [
    ("肯尼亚", "Kenya"),
    ("葡萄牙", "Portugal"),
    ("智利", "Chile"),
    ("越南", "Viet Nam"),
    ("波兰", "Poland"),
    ("加拿大", "Canada"),
    ("摩洛哥", "Morocco"),
    ("新西兰", "New Zealand"),
    ("土耳其", "Turkey"),
    ("印度尼西亚", "Indonesia"),
    ("丹麦", "Denmark"),
    ("秘鲁", "Peru"),
]
SEGMENTED = [
    (
        "第{n} 届 会议 由 {place_zh} 代表 主持 。",
        "Session {n} was chaired by the representative of {place_en}.",
    ),
    (
        "会员国 应 在 {year} 年 之前 提交 关于 本 决议 执行 情况 的 报告 。",
        "Member States shall report on the implementation of this resolution before {year}.",
    ),
    (
        "{place_zh} 代表团 对 第 {n} 段 提出 了 修正案 ， 该 修正案 未 获 通过 。",
        "The delegation of {place_en} proposed amending paragraph {n}; this was not adopted.",
    ),
]

FIELDS = [
    ("工学", "计算机科学与技术", "图像分割 深度学习 卷积网络 注意力机制 特征融合 边缘检测".split()),
    ("农学", "作物学", "产量 氮肥 灌溉 品种 土壤养分 抗旱性".split()),
    ("医学", "临床医学", "高血压 随访 手术 并发症 预后 护理".split()),
    ("管理学", "工商管理", "供应链 库存 需求预测 定价 客户满意度 绩效".split()),
    ("文学", "中国语言文学", "方言 叙事 唐诗 修辞 语音演变 文体".split()),
    ("理学", "地理学", "遥感 流域 降水 土地利用 植被指数 景观格局".split()),
]
TITLES = [
    "{a}对{b}影响的研究——以{place}为例",
    "基于{a}的{b}分析方法",
    "{place}地区{a}与{b}关系的实证研究",
    "{a}条件下{b}的变化规律",
]
ABSTRACTS = [
    "针对{place}地区{a}与{b}之间关系不清的问题,",
    "采用{n}组样本进行对比试验,考察了{a}、{b}和{c}三个因素.",
    "结果表明:{a}每提高1个单位,{b}平均增加{n}%,差异显著(P<0.05).",
    "在控制{c}之后,上述结论仍然成立.",
    "与已有方法相比,误差降低了{n}个百分点,运行时间缩短一半.",
    "研究结果可为{place}及类似地区{c}的改进提供参考.",
]
